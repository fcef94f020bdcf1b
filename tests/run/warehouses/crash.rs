//! Killed before, in and after every change of a warehouse or the lake; the next run finishes it.

use super::stand::{EVENTS, Stand, try_load};
use crate::faulty_store::Fault as StoreFault;
use crate::faulty_warehouse::Fault;
use trailhouse::warehouse::RebuildChoice;

#[tokio::test]
async fn killed_at_every_change_of_the_warehouse_a_load_is_finished_by_the_next() {
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for at in 0.. {
            let stand = Stand::new().await;
            stand.faulty.stop_at(stand.faulty.changes() + at, fault);
            let ended = stand.load_until_hung(&[]).await;
            stand.faulty.calm();
            // Half of them when the service has forgotten what it was asked.
            if at % 2 == 1 {
                stand.fake.forget_jobs();
            }
            stand.load(&[]).await;
            stand.assert_level(&format!("{fault:?} at {at}")).await;
            if ended {
                assert!(at > 5, "there are more changes than {at}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn killed_at_every_change_a_rebuild_is_finished_by_the_next_load() {
    for fault in [Fault::HangBefore, Fault::HangAfter] {
        for at in 0.. {
            let stand = Stand::new().await;
            stand.run().await;
            stand.go_on();
            stand.fake.edit_rows(EVENTS, |rows| {
                rows.truncate(rows.len() / 2);
                let twice = rows[..3].to_vec();
                rows.extend(twice);
            });
            let decisions = stand.decisions(RebuildChoice::Differing).await;
            assert_eq!(decisions.len(), 1);
            stand.faulty.stop_at(stand.faulty.changes() + at, fault);
            let ended = stand.load_until_hung(&decisions).await;
            stand.faulty.calm();
            stand.run().await;
            stand.assert_level(&format!("{fault:?} at {at}")).await;
            if ended {
                assert!(at > 3, "there are more changes than {at}");
                break;
            }
        }
    }
}

/// The receipt is lost on the way: the next run finds the rows, by their jobs or by counting them.
#[tokio::test]
async fn killed_at_every_change_of_the_ledger_after_loading() {
    for forgotten in [false, true] {
        for at in 0.. {
            let stand = Stand::new().await;
            let before = stand.store.changes();
            stand.store.stop_at(before + at, StoreFault::HangAfter);
            let loader = stand.loader();
            let ended = tokio::select! {
                loaded = try_load(&loader, &[]) => { loaded.unwrap(); true }
                () = stand.store.hung() => false,
            };
            stand.store.calm();
            if forgotten {
                stand.fake.forget_jobs();
            }
            stand.load(&[]).await;
            stand
                .assert_level(&format!("at {at}, forgotten: {forgotten}"))
                .await;
            if ended {
                assert!(at > 0);
                break;
            }
        }
    }
}
