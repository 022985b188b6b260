//! Events on a bus.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use orch_core::event::{Emitter, Ended, bus};
use orch_core::{Error, Event, Result};
use tokio::time::{Instant, sleep};

use crate::Log;

#[derive(Event, Debug, PartialEq)]
#[event(context = Log)]
enum Work {
    #[on(note, slow)]
    Begun { name: String, more: u32 },
    #[on(fails, note_more, panics)]
    More(u32),
    #[on(last)]
    Over,
}

async fn note(log: &Log, name: &str, _: &u32, _: &Emitter<Work>) -> Result<()> {
    log.note(format!("begun {name}"));
    Ok(())
}

async fn slow(log: &Log, name: &str, more: &u32, emitter: &Emitter<Work>) -> Result<()> {
    sleep(Duration::from_millis(100)).await;
    for number in 0..*more {
        emitter.emit(Work::More(number))?;
    }
    log.note(format!("slow {name}"));
    Ok(())
}

async fn fails(_: &Log, number: &u32, _: &Emitter<Work>) -> Result<()> {
    if number.is_multiple_of(2) { Err(Error::message(format!("{number} is even"))) } else { Ok(()) }
}

async fn note_more(log: &Log, number: &u32, emitter: &Emitter<Work>) -> Result<()> {
    log.note(format!("more {number}"));
    if *number == 2 {
        emitter.emit(Work::Over)?;
    }
    Ok(())
}

async fn panics(_: &Log, number: &u32, _: &Emitter<Work>) -> Result<()> {
    assert_ne!(*number, 1, "one is too few");
    Ok(())
}

async fn last(log: &Log, _: &Emitter<Work>) -> Result<()> {
    log.note("over");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn all_is_handled_and_what_fails_stops_nothing() {
    assert_eq!(Work::HANDLERS[1], ("More", &["fails", "note_more", "panics"] as &[&str]));
    let log = Log::default();
    let (sender, bus) = bus(8);
    let work = |name: &str, more| Work::Begun { name: name.to_owned(), more };
    sender.send(work("a", 3)).await.unwrap();
    sender.send(work("b", 0)).await.unwrap();
    drop(sender);
    let (mut failed, mut over) = (Vec::new(), None);
    let began = Instant::now();
    let drained = bus
        .run(&log, |ended| match ended {
            Ended::Failed { event, handler, error, stamp, .. } => {
                assert_eq!(stamp.cause, Some(1), "the first event's handler emitted it");
                failed.push(format!("{handler} of {event:?}: {error}"));
            }
            Ended::Completed { handler: "last", stamp, .. } => over = Some(stamp),
            Ended::Completed { .. } => {}
        })
        .await;
    assert_eq!((drained.events, drained.completed, drained.failed), (6, 4 + 6 + 1, 3));
    assert_eq!(began.elapsed(), Duration::from_millis(100), "events run at the same time");
    failed.sort();
    assert_eq!(
        failed,
        [
            "fails of More(0): 0 is even",
            "fails of More(2): 2 is even",
            "panics of More(1): panicked: assertion `left != right` failed: one is too few\n  left: 1\n right: 1",
        ]
    );
    let over = over.unwrap();
    assert!(over.id == 6 && over.cause.is_some());
    assert_eq!(log.lines().last().unwrap(), "over");
}

#[derive(Event)]
#[event(context = Mutex<Vec<u32>>)]
enum Chain {
    #[on(next)]
    Next(u32),
}

async fn next(seen: &Mutex<Vec<u32>>, number: &u32, emitter: &Emitter<Chain>) -> Result<()> {
    seen.lock().unwrap().push(*number);
    // Three follow from each, and there is room for two.
    for step in 1..=3 {
        if *number < 100 {
            emitter.emit(Chain::Next(number * 10 + step))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_handler_that_emits_too_much_fails_and_never_waits_for_itself() {
    let seen = Mutex::new(Vec::new());
    let (sender, bus) = bus(2);
    sender.send(Chain::Next(1)).await.unwrap();
    drop(sender);
    let mut full = 0;
    let drained = bus
        .concurrency(1)
        .run(&seen, |ended| {
            if let Ended::Failed { error, .. } = ended {
                assert_eq!(error.to_string(), "the bus has no room for another event");
                full += 1;
            }
        })
        .await;
    assert!(full > 0 && drained.failed == full);
    assert!(seen.into_inner().unwrap().starts_with(&[1, 11, 12]));
}

#[derive(Event)]
#[event(context = AtomicU32)]
enum Slow {
    #[on(wait)]
    Wait,
}

async fn wait(count: &AtomicU32, _: &Emitter<Slow>) -> Result<()> {
    sleep(Duration::from_millis(10)).await;
    count.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_sends_waits_for_room_and_all_that_was_sent_is_handled() {
    let count = AtomicU32::new(0);
    let (sender, running) = bus(4);
    let sending = async {
        for _ in 0..50 {
            sender.send(Slow::Wait).await.unwrap();
        }
        let waited = Instant::now();
        drop(sender);
        waited
    };
    let began = Instant::now();
    let (drained, sent) = tokio::join!(running.concurrency(2).run(&count, |_| ()), sending);
    assert_eq!((drained.events, count.load(Ordering::Relaxed)), (50, 50));
    assert!(sent - began >= Duration::from_millis(200), "the sender was held back");
    let (sender, gone) = bus::<Slow>(1);
    drop(gone);
    assert_eq!(sender.send(Slow::Wait).await.unwrap_err().to_string(), "nobody runs the bus any more");
}

#[derive(Event)]
#[event(context = ())]
enum Endless {
    #[on(again)]
    Again,
}

async fn again((): &(), emitter: &Emitter<Endless>) -> Result<()> {
    emitter.emit(Endless::Again)?;
    Ok(())
}

#[tokio::test]
async fn a_chain_without_an_end_can_be_given_up() {
    let (sender, bus) = bus(4);
    sender.send(Endless::Again).await.unwrap();
    let limit = Duration::from_millis(50);
    let mut handled = 0_u64;
    let run = bus.run(&(), |_| handled += 1);
    assert!(tokio::time::timeout(limit, run).await.is_err());
    assert!(handled > 0);
}

#[derive(Event)]
#[event(context = Log, output = usize)]
enum Counted {
    #[on(length, forever)]
    Came(&'static str),
}

async fn length(_: &Log, text: &&'static str, _: &Emitter<Counted>) -> Result<usize> {
    sleep(Duration::from_secs(1)).await;
    if text.is_empty() { Err(Error::message("nothing there")) } else { Ok(text.len()) }
}

async fn forever(log: &Log, text: &&'static str, _: &Emitter<Counted>) -> Result<usize> {
    log.note(format!("began {text}"));
    if text.len() > 3 { std::future::pending().await } else { Ok(0) }
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_gives_is_told_and_a_bus_that_stops_drains() {
    let (sender, bus) = bus(8);
    let bus = bus.concurrency(2);
    for text in ["abc", "", "endless", "late", "later"] {
        sender.send(Counted::Came(text)).await.unwrap();
    }
    let (log, mut told) = (Log::default(), Vec::new());
    let began = Instant::now();
    let stop = sleep(Duration::from_millis(1_500));
    let watch = |ended: Ended<Counted>| {
        told.push(match ended {
            Ended::Completed { event, handler, output, .. } => {
                let Counted::Came(text) = &*event;
                format!("{text}: {handler} gave {output}")
            }
            Ended::Failed { handler, error, .. } => format!("{handler}: {error}"),
        });
    };
    let running = bus.run_until(stop, Duration::from_secs(5), &log, watch);
    let (drained, refused) = tokio::join!(running, async {
        sleep(Duration::from_secs(2)).await;
        sender.send(Counted::Came("too late")).await
    });
    assert!(refused.is_err(), "a bus that stops takes nothing more");
    assert_eq!(began.elapsed(), Duration::from_millis(6_500), "it gives up when its time is over");
    // `endless` and `late` never end, and `later` is not begun.
    assert_eq!((drained.events, drained.completed, drained.failed, drained.left), (4, 5, 1, 3));
    told.sort();
    let expected = [
        ": forever gave 0",
        "abc: forever gave 0",
        "abc: length gave 3",
        "endless: length gave 7",
        "late: length gave 4",
        "length: nothing there",
    ];
    assert_eq!(told, expected);
}
