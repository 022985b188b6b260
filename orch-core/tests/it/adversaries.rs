//! Models that do their worst, and agents that hold their bounds all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use orch_core::agent::team::{Member, debate};
use orch_core::agent::{
    AgentErrorKind, AgentEvent, Improve, Improved, PlanExecute, React, Review, StepRun, TreeOfThought,
};
use orch_core::model::{
    ChatModel, ChatReply, ChatRequest, Finish, Message, Metered, Paced, Price, ScriptedModel, ToolCall, Usage,
};
use orch_core::structured::structured;
use orch_core::{Budget, Error, Kind, Limits, Result, workflow};
use tokio::time::Instant;

use crate::agents::{call, every_call_has_its_result, read, send};

/// A model that does its worst, the same for the same seed.
fn adversary(seed: u64, asked: &Arc<AtomicU32>) -> ScriptedModel {
    let (state, asked) = (AtomicU64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1), Arc::clone(asked));
    let next = move |bound: u64| {
        let mut x = state.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        state.store(x, Ordering::Relaxed);
        x % bound
    };
    ScriptedModel::new("adversary").takes(Duration::from_millis(seed % 50)).answers(move |request| {
        asked.fetch_add(1, Ordering::Relaxed);
        every_call_has_its_result(&request.messages);
        let usage = Usage { input_tokens: 10, output_tokens: next(40) };
        let one = |kind: u64| match kind {
            0 => call("read", r#"{"page": 1}"#),
            1 => call("read", &format!(r#"{{"page": {}}}"#, next(1_000))),
            2 => call("rm -rf", "{}"),
            3 => call("read", r#"{"page": "#),
            4 => call("send", r#"{"to": "everyone"}"#),
            5 => call("", ""),
            6 => call("read", &"[".repeat(5_000)),
            7 => call("ask", &format!(r#"{{"task": "again {}"}}"#, next(1_000))),
            _ => ToolCall::new("same", "read", r#"{"page": 9}"#),
        };
        Ok(match next(12) {
            0 => return Err(Error::message("overloaded")),
            1 => ChatReply::new("", usage),
            2 => ChatReply::new("{\"steps\": [\"again\"], \"answer\": null}", usage),
            3 => ChatReply::new("x".repeat(100_000), usage).finish(Finish::Length),
            4 if next(4) == 0 => ChatReply::new("", usage).finish(Finish::Filtered),
            5 => ChatReply::asking((0..50).map(|_| one(next(9))).collect(), usage),
            6 => ChatReply::new("{\"thoughts\": [\"a\", \"a\", \"\", \"b\", \"c\", \"d\", \"e\"]}", usage),
            7 => ChatReply::new("{\"score\": 200, \"solved\": false}", usage),
            _ => ChatReply::asking(vec![one(next(9))], usage).finish(Finish::Stop),
        })
    })
}

#[tokio::test(start_paused = true)]
async fn a_thousand_adversaries_exceed_no_bound() {
    let mut ends = [0_u32; 6];
    for seed in 0..1_000 {
        let (turns, a_turn) = (1 + (seed % 12) as u32, (seed % 5) as usize);
        let asked = Arc::new(AtomicU32::new(0));
        let (reads, sends) = (AtomicU32::new(0), AtomicU32::new(0));
        let budget = Budget::new(Limits::new().calls(2 + seed % 9).tokens(40_000_000));
        let model = Metered::new(adversary(seed, &asked), &budget, Price::default());
        let agent =
            React::new(model, (read::tool(&reads), send::tool(&sends))).max_turns(turns).max_calls(a_turn);
        let ended = match seed % 3 {
            0 => agent.run("go").await.map(|done| (done.turns, done.messages)),
            1 => agent.run_as::<Vec<u32>>("go").await.map(|done| (done.turns, done.messages)),
            _ => match agent.stream("go").collect::<Vec<_>>().await.pop() {
                Some(Ok(AgentEvent::Finished(done))) => Ok((done.turns, done.messages)),
                Some(Err(error)) => Err(error),
                other => panic!("{other:?}"),
            },
        };
        let asked = asked.load(Ordering::Relaxed);
        assert!(asked <= turns && u64::from(asked) <= 2 + seed % 9, "seed {seed}: {asked}");
        let made = reads.into_inner() + sends.into_inner();
        assert!(made as usize <= a_turn * turns as usize, "seed {seed}: {made} calls");
        let (used, messages, end) = match ended {
            Ok((used, messages)) => (used, messages, 0),
            Err(error) => {
                let end = match error.kind {
                    AgentErrorKind::Turns { max } if max == turns => 1,
                    AgentErrorKind::Repeats { .. } => 2,
                    AgentErrorKind::Filtered => 3,
                    AgentErrorKind::Answer(_) => 4,
                    AgentErrorKind::Model(_) => 5,
                    other => panic!("{other:?}"),
                };
                (error.turns, error.messages, end)
            }
        };
        assert!(used <= turns);
        every_call_has_its_result(&messages);
        ends[end] += 1;
    }
    assert!(ends.iter().all(|count| *count > 0), "every way to end is seen: {ends:?}");
}

#[tokio::test(start_paused = true)]
async fn planners_and_trees_exceed_no_bound_either() {
    for seed in 0..1_000 {
        let asked = Arc::new(AtomicU32::new(0));
        let executed = AtomicU32::new(0);
        let planner = PlanExecute::<_, String>::new(adversary(seed, &asked)).max_steps(5).max_revisions(3);
        let run = planner
            .run("go", async |step: String, done: Vec<StepRun<String>>| {
                executed.fetch_add(1, Ordering::Relaxed);
                assert!(done.len() < 5);
                if seed % 3 == 0 { Err(Error::message("broken")) } else { Ok(format!("did {step}")) }
            })
            .await;
        assert!(run.is_err(), "it never answers");
        assert!(executed.into_inner() <= 5);
        // A plan, three changes of it, one that is one too many; each may be asked for twice.
        assert!(asked.load(Ordering::Relaxed) <= 10);

        let asked = Arc::new(AtomicU32::new(0));
        let tree = TreeOfThought::new(adversary(seed, &asked), adversary(seed + 7, &asked));
        let found = tree.branches(3).depth(3).beam(2).run("go").await;
        assert!(asked.load(Ordering::Relaxed) <= 2 * 3 * 2 * (1 + 3));
        if let Ok(found) = found {
            assert!(found.score <= 10 && (1..=3).contains(&found.path.len()));
        }
    }
}

/// What the critic of a draft says.
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Remark {
    remark: String,
}

async fn improved(writer: &impl ChatModel, critic: &impl ChatModel, rounds: u32) -> Result<Improved<String>> {
    let ask = |text: &str| ChatRequest::new(vec![Message::user(text)]);
    Improve::rounds(rounds)
        .run(
            async |_: Option<(String, String)>| Ok(writer.chat(&ask("write")).await?.text),
            async |_: String| {
                let said = structured::<Remark>(critic, ask("criticise")).await?;
                Ok(Review::Revise(said.value.remark))
            },
        )
        .await
}

#[tokio::test(start_paused = true)]
async fn teams_debates_and_drafts_exceed_no_bound_either() {
    let (mut deep, mut agreed, mut written) = (0_u32, 0_u32, 0_u32);
    for seed in 0..1_000 {
        // A supervisor that lies to a member that lies.
        let (of_boss, of_member) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let limit = 3 + seed % 20;
        let budget = Budget::new(Limits::new().calls(limit));
        let metered = |model| Metered::new(model, &budget, Price::default());
        let member = React::new(metered(adversary(seed + 1, &of_member)), ()).max_turns(3);
        let member = Member::new("ask", "Lies.", member);
        let boss = React::new(metered(adversary(seed, &of_boss)), (member,)).max_turns(4).max_calls(2);
        let ended = boss.run("go").await;
        let messages = ended.map_or_else(|error| error.messages, |done| done.messages);
        every_call_has_its_result(&messages);
        let (boss, member) = (of_boss.load(Ordering::Relaxed), of_member.load(Ordering::Relaxed));
        assert!(boss <= 4 && member <= 4 * 2 * 3, "seed {seed}: {boss} and {member}");
        assert!(u64::from(boss + member) <= limit, "seed {seed}: a budget is shared");
        deep += u32::from(member > 0);

        let asked = Arc::new(AtomicU32::new(0));
        let members = [seed, seed + 1, seed + 2].map(|seed| {
            Member::new(format!("m{seed}"), "Lies.", React::new(adversary(seed, &asked), ()).max_turns(2))
        });
        let held = debate(&members, "go", 3).await;
        assert!(held.rounds.len() <= 3 && asked.load(Ordering::Relaxed) <= 3 * 3 * 2);
        agreed += u32::from(held.rounds.len() < 3);

        let asked = Arc::new(AtomicU32::new(0));
        let drafts = improved(&adversary(seed, &asked), &adversary(seed + 7, &asked), 3).await;
        assert!(asked.load(Ordering::Relaxed) <= 3 + 3 * 2);
        written += drafts.map_or(0, |improved| {
            assert!(!improved.accepted && improved.rounds == 3);
            1
        });
    }
    println!("{deep} members were asked, {agreed} debates ended early, {written} drafts were finished");
    assert!(deep > 100, "supervisors reach their members: {deep}");
}

workflow!(
    async fn hurried(agent: &React<ScriptedModel, ()>) -> Result<String> {
        #[timeout(5s)]
        let answer = agent.run("go").await?;
        Ok(answer.value)
    }
);

#[tokio::test(start_paused = true)]
async fn a_model_that_hangs_holds_nobody_up() {
    let hanging = || ScriptedModel::new("hangs").takes(Duration::from_hours(1)).says("at last");
    let began = Instant::now();
    let error = hurried(&React::new(hanging(), ())).await.unwrap_err();
    assert_eq!((error.kind(), began.elapsed()), (Kind::Timeout, Duration::from_secs(5)));

    // Each call has a time of its own.
    let began = Instant::now();
    let paced = Paced::new(hanging()).timeout(Duration::from_secs(2));
    let error = React::new(paced, ()).run("go").await.unwrap_err();
    assert!(matches!(error.kind, AgentErrorKind::Model(_)), "{error}");
    assert_eq!(began.elapsed(), Duration::from_secs(2));

    // A member that hangs is a tool that took too long: whoever asked goes on.
    let began = Instant::now();
    let member = Member::new("ask", "Hangs.", React::new(hanging(), ())).timeout(Duration::from_secs(3));
    let boss = ScriptedModel::new("boss").calls("ask", r#"{"task": "hang"}"#).says("without them, then");
    let done = React::new(boss, (member,)).run("go").await.unwrap();
    assert_eq!((done.value.as_str(), began.elapsed()), ("without them, then", Duration::from_secs(3)));
    assert!(done.messages.iter().any(|message| message.text().contains("took longer than 3s")));
}
