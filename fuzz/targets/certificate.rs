//! Any bytes are a certificate or an error, and one that is written and read again says the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trailhouse::ledger::entry::Trust;
use trailhouse::ledger::note;
use trailhouse::report::certificate::Certificate;

fuzz_target!(|bytes: &[u8]| {
    // As a file, and as the text of a note: few bytes are a note by chance.
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let noted = note::sign(format!("{text}\n"), None).unwrap();
    for bytes in [bytes, noted.as_bytes()] {
        let Ok((certificate, signer)) = Certificate::decode(bytes, &Trust::Unsigned) else {
            continue;
        };
        assert!(signer.is_none());
        let again = certificate.encode(None).expect("what was read is written");
        // With an offset an instant may lie in the year 10000, which no text of one has.
        if let Ok((read, _)) = Certificate::decode(again.as_bytes(), &Trust::Unsigned) {
            assert_eq!(read, certificate);
        }
    }
});
