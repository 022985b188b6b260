//! `fan_out!`: at the same time, in one task.

use std::sync::atomic::{AtomicUsize, Ordering};

use orch_core::{Error, Result, fan_out, workflow};

use crate::{after, assert_send, timed};

async fn fail(ms: u64) -> Result<u32> {
    after(ms, ()).await?;
    Err(Error::message("failed"))
}

async fn odd(n: u64, half: u64) -> Result<u64> {
    if n == 2 * half { Err(Error::message("even")) } else { Ok(n) }
}

#[tokio::test(start_paused = true)]
async fn named_branches_run_together() {
    let text = String::from("borrowed");
    let future = async { fan_out!(left = after(20, &text), right = after(30, 2)).await };
    let (took, both) = timed(assert_send(future)).await;
    let both = both.unwrap();
    assert_eq!((took, both.left.as_str(), both.right), (30, "borrowed", 2));
}

#[derive(Debug, PartialEq)]
struct Views {
    risk: u32,
    mood: &'static str,
}

#[tokio::test(start_paused = true)]
async fn a_struct_of_ones_own_is_filled() {
    let views = fan_out!(Views { risk: after(1, 3), mood: after(2, "calm") }).await.unwrap();
    assert_eq!(views, Views { risk: 3, mood: "calm" });
}

#[tokio::test(start_paused = true)]
async fn the_first_error_ends_all() {
    let (took, result) = timed(async { fan_out!(slow = after(100, 1), bad = fail(10)).await }).await;
    assert_eq!((took, result.unwrap_err().to_string()), (10, "bad: failed".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn settle_waits_for_every_branch() {
    let (took, both) = timed(async { fan_out!(slow = after(100, 1), bad = fail(10)).settle().await }).await;
    assert_eq!((took, both.slow.unwrap()), (100, 1));
    assert!(both.bad.is_err());
}

#[tokio::test(start_paused = true)]
async fn many_branches_and_one() {
    let all = fan_out!(
        a = after(1, 1),
        b = after(1, 2),
        c = after(1, 3),
        d = after(1, 4),
        e = after(1, 5),
        f = after(1, 6),
        g = after(1, 7),
        h = after(1, 8),
        i = after(1, 9),
        j = after(1, 10),
        k = after(1, 11),
    )
    .await
    .unwrap();
    assert_eq!(all.a + all.b + all.c + all.d + all.e + all.f + all.g + all.h + all.i + all.j + all.k, 66);
    assert_eq!(fan_out!(only = after(1, 1)).await.unwrap().only, 1);
}

#[tokio::test(start_paused = true)]
async fn a_map_keeps_the_order_of_its_input() {
    let (took, values) = timed(async {
        fan_out!(for n in [30_u64, 10, 20] {
            after(n, n)
        })
        .await
    })
    .await;
    assert_eq!((took, values.unwrap()), (30, vec![30, 10, 20]));
}

#[tokio::test(start_paused = true)]
async fn a_map_keeps_its_bound_and_a_slow_call_holds_nobody_up() {
    let running = AtomicUsize::new(0);
    let most = AtomicUsize::new(0);
    let call = async |ms: u64| -> Result<u64> {
        most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        let value = after(ms, ms).await;
        running.fetch_sub(1, Ordering::Relaxed);
        value
    };
    let waits = [100_u64, 10, 10, 10, 10, 10];
    let (took, values) = timed(async {
        fan_out!(for ms in waits {
            call(ms)
        })
        .concurrency(2)
        .await
    })
    .await;
    assert_eq!((took, most.load(Ordering::Relaxed)), (100, 2));
    assert_eq!(values.unwrap(), waits);
}

#[tokio::test(start_paused = true)]
async fn a_map_settles_too() {
    let results = fan_out!(for ms in [1_u64, 2, 3] {
        let half = ms / 2;
        odd(ms, half)
    })
    .settle()
    .await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let none: Vec<u64> = fan_out!(for ms in Vec::new() {
        after(ms, ms)
    })
    .await
    .unwrap();
    assert!(none.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_branch_can_have_policies() {
    let both = fan_out!(
        #[timeout(10ms)]
        #[or(0)]
        slow = after(100, 1),
        #[when(false)]
        never = after(100, 1),
    );
    let (took, both) = timed(async { both.await }).await;
    let both = both.unwrap();
    assert_eq!((both.slow, both.never), (0, None));
    assert!(took <= 11, "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_quorum_ends_with_enough() {
    let three =
        async { fan_out!(a = after(30, 1), b = fail(5), c = after(10, 3), d = after(20, 4)).quorum(2).await };
    let (took, three) = timed(assert_send(three)).await;
    let three = three.unwrap();
    assert_eq!((took, three.a, three.b, three.c, three.d), (20, None, None, Some(3), Some(4)));
    let too_few = async { fan_out!(a = fail(30), b = fail(5), c = after(100, 3)).quorum(2).await };
    let (took, error) = timed(too_few).await;
    assert_eq!((took, error.unwrap_err().path()), (30, "b"));
}

#[tokio::test(start_paused = true)]
async fn a_race_is_won_by_the_first_that_succeeds() {
    let (took, won) =
        timed(async { fan_out!(a = after(30, 1), b = fail(5), c = after(10, 3)).first_ok().await }).await;
    assert_eq!((took, won.unwrap()), (10, 3));
    assert_eq!(fan_out!(a = fail(9), b = fail(5)).first_ok().await.unwrap_err().path(), "b");
}

#[tokio::test(start_paused = true)]
async fn a_map_folds_races_and_gives_what_ends_first() {
    let waits = [30_u64, 10, 20];
    assert_eq!(
        fan_out!(for ms in waits {
            after(ms, ms)
        })
        .unordered()
        .await
        .unwrap(),
        [10, 20, 30]
    );
    assert_eq!(
        fan_out!(for ms in waits {
            after(ms, ms)
        })
        .reduce(1, |sum, ms| sum * 2 + ms)
        .await
        .unwrap(),
        118
    );
    let (took, two) = timed(async {
        fan_out!(for ms in waits {
            after(ms, ms)
        })
        .quorum(2)
        .await
    })
    .await;
    assert_eq!((took, two.unwrap()), (20, vec![10, 20]));
    assert!(
        fan_out!(for ms in waits {
            fail(ms)
        })
        .quorum(1)
        .await
        .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_all_can_keep_what_had_completed() {
    let partial = fan_out!(a = after(1, 1), b = fail_after(5), c = after(9, 3)).keep().await.unwrap_err();
    assert_eq!((partial.completed.a, partial.completed.b, partial.completed.c), (Some(1), None, None));
    assert_eq!(partial.error.path(), "b");
    let whole = fan_out!(a = after(1, 1), c = after(9, 3)).keep().await.unwrap();
    assert_eq!((whole.a, whole.c), (1, 3));
    let partial = fan_out!(for i in [3, 1, 7, 2] {
        uneven(i)
    })
    .concurrency(3)
    .keep()
    .await
    .unwrap_err();
    assert_eq!(partial.completed, [Some(3), Some(1), Some(7), None]);
    assert_eq!(Error::from(partial).path(), "uneven");
}

async fn fail_after(ms: u64) -> Result<u32> {
    after(ms, ()).await?;
    Err(Error::message("no"))
}

async fn uneven(n: u32) -> Result<u32> {
    after(n.into(), ()).await?;
    if n % 2 == 1 { Ok(n) } else { fail_after(20).await }
}

workflow!(
    async fn spread(items: Vec<u32>) -> Result<Vec<std::thread::ThreadId>> {
        let threads = fan_out!(for item in items {
            #[retry(2)]
            on_thread(item)
        })
        .spawn()
        .await?;
        Ok(threads)
    }
);

async fn on_thread(n: u32) -> Result<std::thread::ThreadId> {
    tokio::task::yield_now().await;
    std::thread::sleep(std::time::Duration::from_millis(n.into()));
    Ok(std::thread::current().id())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn spawned_calls_run_on_the_workers() {
    let threads = spread(vec![30; 6]).await.unwrap();
    let different: std::collections::HashSet<_> = threads.iter().collect();
    assert!(different.len() > 1, "{threads:?}");
    let settled = fan_out!(for n in vec![1, 2, 3] {
        uneven(n)
    })
    .spawn()
    .concurrency(2)
    .settle()
    .await;
    assert_eq!(settled.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let sum = fan_out!(for n in vec![1, 3, 5] {
        uneven(n)
    })
    .spawn()
    .reduce(0, |sum, n| sum + n)
    .await
    .unwrap();
    assert_eq!(sum, 9);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_spawned_fan_out_aborts_its_tasks() {
    let count = std::sync::Arc::new(());
    let held = |_| {
        let count = std::sync::Arc::clone(&count);
        async move {
            after(1_000, ()).await?;
            drop(count);
            orch_core::Ok(())
        }
    };
    let cut = tokio::time::timeout(
        std::time::Duration::from_millis(5),
        fan_out!(for i in 0..4 {
            held(i)
        })
        .spawn()
        .into_future(),
    )
    .await;
    assert!(cut.is_err());
    tokio::task::yield_now().await;
    assert_eq!(std::sync::Arc::strong_count(&count), 1);
}

#[tokio::test]
#[should_panic(expected = "as it was told to")]
async fn a_spawned_call_that_panics_panics_here() {
    let _ = fan_out!(for i in 0..2 {
        panics(i)
    })
    .spawn()
    .await;
}

async fn panics(n: u32) -> Result<u32> {
    assert!(n != 1, "as it was told to");
    Ok(n)
}

#[tokio::test(start_paused = true)]
async fn the_pattern_of_a_map_may_have_bars() {
    let mixed = vec![Ok(1), Err(2)];
    #[rustfmt::skip]
    let plain = fan_out!(for | number in vec![1, 2] { after(1, number) }).await.unwrap();
    let either = fan_out!(for Ok(number) | Err(number) in mixed {
        after(1, number)
    })
    .await
    .unwrap();
    assert_eq!((plain, either), (vec![1, 2], vec![1, 2]));
}
