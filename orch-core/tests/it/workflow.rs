//! `workflow!`: a body in program order that runs as a dataflow graph.

use orch_core::{Recorder, Result, Route, Status, fan_out, route, workflow};

use crate::{Log, after, assert_send, noted, sum, timed};

workflow!(
    /// The document graph: 10, then 20 + 20 beside 30, then 10.
    async fn document(n: u32) -> Result<u32> {
        let text = after(10, n).await?;
        let class = after(20, text).await?;
        let entities = after(30, text).await?;
        let summary = sum(20, &class, &text).await?;
        let valid = sum(10, &entities, &summary).await?;
        Ok(valid)
    }
);

#[tokio::test(start_paused = true)]
async fn the_makespan_is_the_critical_path() {
    let (took, valid) = timed(document(1)).await;
    assert_eq!((took, valid.unwrap()), (60, 3));
}

workflow!(
    /// Not series-parallel: `d` needs both `a` and `b`, `c` only `a`.
    async fn letter_n(n: u32) -> Result<u32> {
        let a = after(10, n).await?;
        let b = after(30, n).await?;
        let c = after(40, a).await?;
        let d = sum(10, &a, &b).await?;
        Ok(c + d)
    }
);

#[tokio::test(start_paused = true)]
async fn a_graph_that_is_not_series_parallel_starts_each_step_when_it_can() {
    // A barrier after `a` and `b` would take 70.
    let (took, value) = timed(letter_n(1)).await;
    assert_eq!((took, value.unwrap()), (50, 3));
    drop(assert_send(letter_n(1)));
}

workflow!(
    /// A value that crosses and is needed after the join.
    async fn letter_n_with_text(n: u32) -> Result<String> {
        let a = after(10, n.to_string()).await?;
        let b = after(30, 2 * n).await?;
        let c = length(&a, 0).await?;
        let d = length(&a, b).await?;
        Ok(format!("{a} {b} {c} {d}"))
    }
);

async fn length(text: &str, plus: u32) -> Result<u32> {
    Ok(u32::try_from(text.len()).unwrap() + plus)
}

#[tokio::test(start_paused = true)]
async fn what_crosses_strands_is_there_afterwards() {
    assert_eq!(letter_n_with_text(123).await.unwrap(), "123 246 3 249");
}

workflow!(
    /// Not series-parallel, and values are taken: `b` by its one user, `a` by its last.
    async fn letter_n_that_takes(n: u32) -> Result<(usize, String)> {
        let a = after(10, n.to_string()).await?;
        let b = after(30, String::from("b")).await?;
        let c = measure(&a).await?;
        let d = join(&a, b).await?;
        let e = shout(a).await?;
        Ok((c + e.len(), d))
    }
);

async fn join(a: &str, b: String) -> Result<String> {
    after(10, format!("{a}{b}")).await
}

#[tokio::test(start_paused = true)]
async fn strands_hand_over_what_only_one_of_them_needs() {
    assert_eq!(letter_n_that_takes(12).await.unwrap(), (4, "12b".to_owned()));
    drop(assert_send(letter_n_that_takes(1)));
}

workflow!(
    /// Not series-parallel, with an old name given to a new value.
    async fn letter_n_shadowed(n: u32) -> Result<u32> {
        let a = after(10, n).await?;
        let b = after(30, n).await?;
        let c = after(40, a).await?;
        let a = sum(10, &a, &b).await?;
        Ok(a + c)
    }
);

#[tokio::test(start_paused = true)]
async fn an_old_name_for_a_new_value_keeps_its_meaning() {
    assert_eq!(letter_n_shadowed(1).await.unwrap(), 3);
}

workflow!(
    async fn effects(log: &Log) -> Result<u32> {
        let a = noted(log, "a", 20).await?;
        let b = noted(log, "b", 10).await?;
        noted(log, "effect", 5).await?;
        let c = noted(log, "c", 10).await?;
        let d = noted(log, "d", 10).await?;
        Ok(a + b + c + d)
    }
);

#[tokio::test(start_paused = true)]
async fn a_statement_waits_for_all_above_and_all_below_wait_for_it() {
    let log = Log::default();
    let (took, value) = timed(effects(&log)).await;
    assert_eq!((took, value.unwrap()), (20 + 5 + 10, 50));
    let lines = log.lines();
    assert_eq!(lines[..2], ["a starts", "b starts"]);
    assert_eq!(lines[4..6], ["effect starts", "effect ends"]);
    assert_eq!(lines[6..8], ["c starts", "d starts"]);
}

workflow!(
    async fn marked_effect(log: &Log) -> Result<u32> {
        let a = noted(log, "a", 20).await?;
        #[effect]
        let b = noted(log, "b", 10).await?;
        Ok(a + b)
    }
);

#[tokio::test(start_paused = true)]
async fn a_marked_effect_keeps_program_order() {
    let log = Log::default();
    assert_eq!(timed(marked_effect(&log)).await.0, 30);
    assert_eq!(log.lines()[1..3], ["a ends", "b starts"]);
}

workflow!(
    /// Plain code between steps, shadowing, patterns, blocks and jumps.
    async fn everything(input: Vec<u32>, limit: u32) -> Result<u32> {
        let count = input.len();
        let (low, high) = after(10, (1, 9)).await?;
        let Some(first) = input.first().copied() else {
            return Ok(0);
        };
        let first = after(1, first + low).await?;
        let mut total = 0;
        for item in &input {
            if *item > limit {
                continue;
            }
            total += after(1, *item).await?;
        }
        let size = if count > 2 {
            let half = after(5, count / 2).await?;
            half * 10
        } else {
            0
        };
        let mut rounds = 0;
        #[max(5)]
        while rounds < 3 {
            rounds += after(1, 1).await?;
        }
        let kind = match high {
            9 => after(2, "nine").await?,
            _ => "other",
        };
        Ok(first + total + u32::try_from(size)? + rounds + u32::try_from(kind.len())?)
    }
);

#[tokio::test(start_paused = true)]
async fn plain_rust_keeps_its_meaning() {
    assert_eq!(everything(vec![5, 6, 70], 10).await.unwrap(), 6 + 11 + 10 + 3 + 4);
    assert_eq!(everything(Vec::new(), 10).await.unwrap(), 0);
    drop(assert_send(everything(vec![1], 1)));
}

workflow!(
    /// Values that borrow: from an argument, and, said in the type, from a step's value.
    async fn borrows(text: &str) -> Result<usize> {
        let word = first_word(text).await?;
        let owned = after(1, word.to_uppercase()).await?;
        let part: &str = first_word(&owned).await?;
        let letters = part.trim_end_matches('!');
        let size = after(1, letters.len()).await?;
        Ok(size + letters.len())
    }
);

async fn first_word(text: &str) -> Result<&str> {
    Ok(text.split(' ').next().unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn values_may_borrow() {
    assert_eq!(borrows("hello! world").await.unwrap(), 10);
}

workflow!(
    async fn moves(text: String) -> Result<(usize, String)> {
        let size = measure(&text).await?;
        let text = shout(text).await?;
        Ok((size, text))
    }
);

async fn measure(text: &str) -> Result<usize> {
    after(5, text.len()).await
}

async fn shout(text: String) -> Result<String> {
    after(5, text.to_uppercase()).await
}

#[tokio::test(start_paused = true)]
async fn a_value_is_moved_after_those_who_borrow_it() {
    let (took, value) = timed(moves("hi".to_owned())).await;
    assert_eq!((took, value.unwrap()), (10, (2, "HI".to_owned())));
}

workflow!(
    pub(crate) async fn generic<'a, T, const N: usize>(items: &'a [T; N], at: usize) -> Result<&'a T>
    where
        T: Sync,
    {
        let index = after(1, at % N).await?;
        Ok(&items[index])
    }
);

#[tokio::test(start_paused = true)]
async fn generics_and_lifetimes_carry_over() {
    let items = [String::from("a"), String::from("b")];
    assert_eq!(generic(&items, 3).await.unwrap(), "b");
    let recorder = Recorder::default();
    assert_eq!(generic::observed(&recorder, &items, 2).await.unwrap(), "a");
}

workflow!(
    async fn infallible(n: u32) -> u32 {
        let a = twice(n).await;
        let b = twice(n + 1).await;
        a + b
    }
);

async fn twice(n: u32) -> u32 {
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    2 * n
}

#[tokio::test(start_paused = true)]
async fn a_workflow_that_cannot_fail_gives_its_value() {
    assert_eq!(timed(infallible(1)).await, (10, 6));
}

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    Short,
    #[route(default)]
    Long,
}

workflow!(
    /// Every pattern inside another.
    async fn nested(way: Way, n: u32) -> Result<u32> {
        let found = route!(match way {
            Way::Short => after(1, n),
            #[flow]
            Way::Long => document(n),
        })
        .await?;
        let views = fan_out!(
            #[flow]
            inner = document(found),
            #[timeout(1s)]
            plain = after(5, found),
            routed = route!(match way {
                Way::Short => after(1, 1),
                Way::Long => after(2, 2),
            }),
        )
        .await?;
        let list = fan_out!(for i in 0..3 {
            after(7, i + found)
        })
        .concurrency(2)
        .await?;
        let chained = orch_core::pipeline!(double, double).run(found).await?;
        Ok(views.inner + views.plain + views.routed + list.iter().sum::<u32>() + chained)
    }
);

async fn double(n: u32) -> Result<u32> {
    after(1, 2 * n).await
}

#[tokio::test(start_paused = true)]
async fn everything_nests() {
    // Long: 3, then 9 + 3 + 2 and 3 + 4 + 5 and 12.
    assert_eq!(nested(Way::Long, 1).await.unwrap(), 14 + 12 + 12);
    assert_eq!(nested(Way::Short, 1).await.unwrap(), 3 + 1 + 1 + 6 + 4);
    drop(assert_send(nested(Way::Long, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_recorder_sees_every_step_in_its_place() {
    let recorder = Recorder::default();
    nested::observed(&recorder, Way::Long, 1).await.unwrap();
    let records = recorder.records();
    assert!(records.iter().all(|record| record.status == Status::Completed), "{records:#?}");
    let named = |name: &str| records.iter().position(|record| record.name == name).unwrap();
    assert_eq!(records[named("document")].parent, Some(named("found")));
    assert_eq!(records[named("inner")].parent, Some(named("views")));
    let inside = records.iter().filter(|record| record.parent == Some(named("inner"))).count();
    assert_eq!(inside, 5, "the steps of the nested workflow");
}

struct Guard<'a>(&'a Log);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.note("dropped");
    }
}

async fn guarded(log: &Log) -> Result<u32> {
    let _guard = Guard(log);
    after(1_000, 1).await
}

workflow!(
    async fn pair(log: &Log) -> Result<u32> {
        let a = guarded(log).await?;
        let b = guarded(log).await?;
        Ok(a + b)
    }
);

#[tokio::test(start_paused = true)]
async fn dropping_a_workflow_drops_its_steps() {
    let log = Log::default();
    let cut = tokio::time::timeout(std::time::Duration::from_millis(5), pair(&log)).await;
    assert!(cut.is_err());
    assert_eq!(log.lines(), ["dropped", "dropped"]);
}
