//! Models made of models, and what they may spend.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use orch_core::model::{
    ChatModel, ChatReply, ChatRequest, Fallback, Finish, Message, Metered, ModelError, ModelErrorKind,
    NoneAnswered, Piece, Price, ScriptedModel, ToolCall, Usage,
};
use orch_core::{Budget, BudgetExceeded, BudgetLimit, Error, Kind, Limits, Result, workflow};

fn hello() -> ChatRequest {
    ChatRequest::new(vec![Message::user("hello")]).max_tokens(50)
}

#[tokio::test]
async fn a_fallback_says_who_answered_and_what_all_failed_with() {
    let three = |last: ScriptedModel| {
        let second = ScriptedModel::new("b").fails("b is down");
        Fallback::new(ScriptedModel::new("a").fails("a is down"), Fallback::new(second, last))
    };
    let reply = three(ScriptedModel::new("c").says("hi")).chat(&hello()).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.model.as_str()), ("hi", "c"));

    let error = three(ScriptedModel::new("c").fails("c is down")).chat(&hello()).await.unwrap_err();
    let shown = error.to_string();
    assert!(["a is down", "b is down", "c is down"].iter().all(|why| shown.contains(why)), "{shown}");
    assert_eq!(error.downcast_ref::<NoneAnswered>().unwrap().failures[0].0, "a");
}

#[tokio::test]
async fn what_a_budget_refuses_no_other_model_is_asked() {
    let budget = Budget::new(Limits::new().calls(0));
    let spare = ScriptedModel::new("spare").says("I would");
    let metered = Metered::new(ScriptedModel::new("m").says("one"), &budget, Price::default());
    let both = Fallback::new(metered, &spare);
    assert_eq!(both.chat(&hello()).await.unwrap_err().kind(), Kind::Budget);
    let request = hello();
    let pieces: Vec<Result<Piece>> = both.stream(&request).collect().await;
    assert!(matches!(&pieces[..], [Err(error)] if error.kind() == Kind::Budget));
    assert!(spare.asked().is_empty());
}

#[tokio::test]
async fn a_reply_in_pieces_is_the_reply() {
    let call = ToolCall::new("1", "add", "{}");
    let usage = Usage { input_tokens: 3, output_tokens: 4 };
    let reply = ChatReply::new("hm", usage).calls(vec![call]).finish(Finish::ToolCalls);
    let model = ScriptedModel::new("m").replies(reply.clone()).says("x");
    let whole = ChatReply::collect("m", model.stream(&hello())).await.unwrap();
    assert_eq!(whole, reply);
    let cut = futures_util::stream::iter([Ok(Piece::Text("h".to_owned()))]);
    assert!(ChatReply::collect("m", cut).await.unwrap_err().to_string().contains("ended before"));
}

workflow!(
    async fn streamed(model: &ScriptedModel, request: &ChatRequest) -> Result<ChatReply> {
        #[stream]
        let reply = model.stream(request).await?;
        Ok(reply)
    }
);

#[tokio::test]
async fn a_step_of_a_workflow_streams_a_model() {
    let model = ScriptedModel::new("m").says("two words");
    let reply = streamed(&model, &hello()).await.unwrap();
    assert_eq!((reply.text.as_str(), reply.usage.output_tokens), ("two words", 2));
}

/// A hundred branches, each with a budget of its own inside one that all share, and models that use less than is
/// reserved, fail, or are dropped in the middle.
#[tokio::test(start_paused = true)]
async fn a_hundred_branches_never_spend_more_than_the_budget_and_one_reserve() {
    for (seed, limit) in [(1_u64, 3_000_u64), (2, 10_000), (3, 999), (4, 60)] {
        let budget = Budget::new(Limits::new().tokens(limit));
        let asked = Arc::new(AtomicU64::new(seed));
        let request = hello();
        let reserve = request.bytes() as u64 + 32 + 50;
        let branches = (0..100).map(|branch| {
            let (budget, asked, request) = (&budget, Arc::clone(&asked), &request);
            async move {
                let part = budget.part(Limits::new().calls(10));
                let model =
                    ScriptedModel::new("m").takes(Duration::from_millis(branch % 7 + 1)).answers(move |_| {
                        let number = asked.fetch_add(1, Ordering::Relaxed);
                        if number.is_multiple_of(5) {
                            return Err(Error::message("overloaded"));
                        }
                        Ok(ChatReply::new("x", Usage { input_tokens: 5, output_tokens: number * 17 % 50 }))
                    });
                let model = Metered::new(model, &part, Price::default());
                let mut refused = 0;
                for round in 0..12 {
                    let limit = Duration::from_millis(if round % 4 == 3 { 2 } else { 100 });
                    match tokio::time::timeout(limit, model.chat(request)).await {
                        Ok(Err(error)) if error.kind() == Kind::Budget => refused += 1,
                        _ => {}
                    }
                }
                assert!(part.spent().calls() <= 10);
                refused
            }
        });
        let refused: u32 = join_all(branches).await.into_iter().sum();
        let spent = budget.spent().tokens();
        assert!(refused > 0 && spent >= limit, "the budget is used up: {spent} of {limit}");
        assert!(spent < limit + reserve, "{spent} of {limit}, one reserve is {reserve}");
        let error = budget.reserve(orch_core::Spending::new(1, 1, 0.0)).unwrap_err();
        assert_eq!(error.downcast_ref::<BudgetExceeded>().unwrap().limit, BudgetLimit::Tokens);
    }
}

#[tokio::test]
async fn money_is_counted_to_the_billionth() {
    let budget = Budget::new(Limits::new().dollars(1.0));
    let usage = Usage { input_tokens: 1, output_tokens: 3 };
    let model = ScriptedModel::new("m").answers(move |_| Ok(ChatReply::new("x", usage)));
    let model = Metered::new(model, &budget, Price { input: 0.1, output: 0.3 });
    for _ in 0..1_000 {
        model.chat(&hello()).await.unwrap();
    }
    assert_eq!((budget.spent().dollars() * 1e9) as u64, 1_000_000);
}

#[tokio::test]
async fn what_may_have_been_answered_is_paid_for() {
    let connection = || ModelErrorKind::Connection("it broke".to_owned());
    let request = ChatRequest::new(vec![Message::user("hello")]).max_tokens(10);
    for (error, paid) in [
        (ModelError::new("m", connection()), false),
        (ModelError::new("m", connection()).was_sent(), true),
        (ModelError::new("m", ModelErrorKind::RateLimited { retry_after: None }), false),
        (ModelError::new("m", ModelErrorKind::CutShort), true),
    ] {
        let budget = Budget::new(Limits::new());
        let failing = error.clone();
        let model = ScriptedModel::new("m").answers(move |_| Err(failing.clone().into_error()));
        let model = Metered::new(model, &budget, Price::default());
        assert!(model.chat(&request).await.is_err());
        let spent = budget.spent();
        assert_eq!((spent.calls(), spent.tokens() > 10), (1, paid), "{error:?}");
        assert!(ModelError::is_transient(&error.into_error()));
    }
}
