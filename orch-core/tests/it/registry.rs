//! Workflows by name.

use std::error::Error as _;

use orch_core::{Error, Result, RunError, Workflows, workflow};

use crate::{after, assert_send};

struct Shop {
    price: u32,
}

workflow!(
    async fn buy(shop: &Shop, order: (String, u32)) -> Result<u32> {
        let (name, count) = order;
        let price = after(1, shop.price).await?;
        checked(&name).await?;
        Ok(price * count)
    }
);

workflow!(
    async fn greet(name: String) -> Result<String> {
        let name = after(1, name).await?;
        Ok(format!("hello {name}"))
    }
);

async fn checked(name: &str) -> Result<()> {
    if name.is_empty() { Err(Error::message("no name")) } else { Ok(()) }
}

fn shop_workflows(shop: &Shop) -> Workflows<'_> {
    Workflows::new().add(buy::PLAN, |order| buy(shop, order)).unwrap().add(greet::PLAN, greet).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_name_and_json_run_a_workflow() {
    let shop = Shop { price: 3 };
    let workflows = shop_workflows(&shop);
    let run = assert_send(workflows.run("buy", r#"["tea", 4]"#)).await.unwrap();
    assert_eq!((run.workflow, run.succeeded(), run.output.unwrap()), ("buy", true, "12".to_owned()));
    assert_eq!(workflows.run("greet", r#""you""#).await.unwrap().output.unwrap(), r#""hello you""#);
    let failed = workflows.run("buy", r#"["", 4]"#).await.unwrap();
    assert!(!failed.succeeded());
    assert_eq!(failed.output.unwrap_err().path(), "checked");
}

#[tokio::test]
async fn what_cannot_run_is_an_error_that_says_why() {
    let shop = Shop { price: 3 };
    let workflows = shop_workflows(&shop);
    let unknown = workflows.run("by\n", "1").await.unwrap_err();
    assert_eq!(unknown.to_string(), r"there is no workflow `by\n`; there are `buy`, `greet`");
    let input = workflows.run("buy", r#"["tea", -1]"#).await.unwrap_err();
    assert!(matches!(input, RunError::Input { workflow: "buy", .. }));
    assert!(input.to_string().starts_with("the input of `buy`: invalid value: integer `-1`"), "{input}");
    assert!(input.source().is_some());
    let deep = "[".repeat(100_000);
    assert!(matches!(workflows.run("greet", &deep).await, Err(RunError::Input { .. })));
    let twice = workflows.add(greet::PLAN, greet).unwrap_err();
    assert_eq!(twice.to_string(), "there are two workflows `greet`");
    let plans =
        shop_workflows(&shop).plans().map(|plan| (plan.name, plan.graph.steps.len())).collect::<Vec<_>>();
    assert_eq!(plans, [("buy", 2), ("greet", 1)]);
}
