//! Certificates as text, and back.

use super::*;

/// The same in text and back, also where nothing is known.
#[test]
fn what_is_not_known_is_said_in_a_word() {
    for until in [None, Some(at("2026-06-01T00:00:00.5Z"))] {
        let recoverable = StillRecoverable {
            place: "lake".to_owned(),
            by: RecoverableBy::Versions,
            until,
            done: 7,
        };
        let text = serde_json::to_string(&recoverable).unwrap();
        assert_eq!(
            text.contains("\"until\":\"unknown\""),
            until.is_none(),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<StillRecoverable>(&text).unwrap(),
            recoverable
        );
    }
    for rows in [None, Some(0), Some(u64::MAX)] {
        let table = EmptiedTable {
            table: Table::Events,
            incarnation: 1,
            rows,
        };
        let text = serde_json::to_string(&table).unwrap();
        assert_eq!(text.contains("\"unknown\""), rows.is_none(), "{text}");
        assert_eq!(serde_json::from_str::<EmptiedTable>(&text).unwrap(), table);
        for bad in ["null", "\"none\"", "-1", "{}"] {
            let text = text.replace("\"rows\":\"unknown\"", &format!("\"rows\":{bad}"));
            assert!(rows.is_some() || serde_json::from_str::<EmptiedTable>(&text).is_err());
        }
    }
}

#[test]
fn other_texts_are_named_as_what_they_are() {
    let key = SigningKey::from_seed("acme/writer", &[1; 32]).unwrap();
    let trust = Trust::Keys(vec![key.verifier().clone()]);
    let decoded = |text: &str| {
        let note = note::sign(text.to_owned(), Some(&key)).unwrap();
        Certificate::decode(note.as_bytes(), &trust).unwrap_err()
    };
    use NotACertificate::{Json, Lines, Type, Version};
    let newer = format!("{{\"version\":2,\"type\":\"{TYPE}\",\"more\":1}}\n");
    assert!(matches!(decoded(&newer), Version(2)));
    let same = format!("{{\"version\":1,\"type\":\"{TYPE}\"}}\n");
    assert!(matches!(decoded(&same), Json(_)));
    assert!(matches!(
        decoded("{\"version\":1,\"kind\":\"ingest\"}\n"),
        Type
    ));
    assert!(matches!(decoded("{}\n{}\n"), Lines));
    assert!(matches!(decoded("[]\n"), Json(_)));
    let bare = note::sign(same, None).unwrap();
    let error = Certificate::decode(bare.as_bytes(), &trust).unwrap_err();
    assert!(matches!(error, NotACertificate::Note(_)), "{error}");
}
