//! What an editor can do inside the macros, on whole and on half-written input.

mod server;

use serde_json::Value;
use server::Server;

/// The cursor in a source.
const CURSOR: &str = "/*cursor*/";

const PRELUDE: &str = "
use orch_core::{Result, Route, fan_out, pipeline, route, workflow};

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Intent { Billing, #[route(default)] Other }

struct Desk { knowledge: Knowledge }
struct Knowledge;
impl Knowledge {
    async fn search(&self, text: &str) -> Result<String> { Ok(text.to_owned()) }
}
async fn handle(desk: &Desk, text: &str) -> Result<String> { desk.knowledge.search(text).await }
";

/// What is being written, and what must be offered at the cursor.
const SOURCES: [(&str, &str, &str); 9] = [
    (
        "workflow: a member",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let notes = desk./*cursor*/
        let more = handle(desk, text).await?;
        Ok(more)
    }
);",
        "knowledge",
    ),
    (
        "workflow: a member of a step's value",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let notes = handle(desk, text).await?;
        let size = notes./*cursor*/;
        Ok(notes)
    }
);",
        "len",
    ),
    (
        "workflow: a method, half typed",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let first = handle(desk, text).await?;
        let notes = desk.knowledge.sea/*cursor*/
        Ok(first)
    }
);",
        "search",
    ),
    (
        "workflow: a variable",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let notes = handle(desk, text).await?;
        let more = handle(desk, &no/*cursor*/).await?;
        Ok(more)
    }
);",
        "notes",
    ),
    (
        "route: a variant",
        "async fn go(intent: Intent, desk: &Desk) -> Result<String> {
    route!(match intent {
        Intent::Billing => handle(desk, \"a\"),
        Intent::/*cursor*/
    }).await
}",
        "Other",
    ),
    (
        "route: an arm",
        "async fn go(intent: Intent, desk: &Desk) -> Result<String> {
    route!(match intent {
        Intent::Billing => desk./*cursor*/
        Intent::Other => handle(desk, \"a\"),
    }).await
}",
        "knowledge",
    ),
    (
        "fan_out: a branch",
        "async fn go(desk: &Desk) -> Result<String> {
    let both = fan_out!(left = handle(desk, \"a\"), right = desk./*cursor*/).await?;
    Ok(both.left)
}",
        "knowledge",
    ),
    (
        "fan_out: the body of a map",
        "async fn go(desk: &Desk, texts: Vec<String>) -> Result<Vec<String>> {
    fan_out!(for text in &texts { handle(desk, text./*cursor*/) }).await
}",
        "as_str",
    ),
    (
        "pipeline: a stage",
        "fn go(desk: &Desk) {
    let chain = pipeline!(desk.knowledge./*cursor*/, |text: String| async move { Result::Ok(text) });
}",
        "search",
    ),
];

/// A name in whole input, and the line where it is declared.
const DEFINITIONS: [(&str, &str, &str); 9] = [
    (
        "workflow: a variable",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let notes = handle(desk, text).await?;
        let more = handle(desk, &no/*cursor*/tes).await?;
        Ok(more)
    }
);",
        "let notes = handle(desk, text).await?;",
    ),
    (
        "workflow: an argument",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let notes = handle(de/*cursor*/sk, text).await?;
        Ok(notes)
    }
);",
        "async fn answer(desk: &Desk, text: &str)",
    ),
    (
        "workflow: a function",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let notes = han/*cursor*/dle(desk, text).await?;
        Ok(notes)
    }
);",
        "async fn handle(",
    ),
    (
        "workflow: a field",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let notes = desk.know/*cursor*/ledge.search(text).await?;
        Ok(notes)
    }
);",
        "struct Desk { knowledge: Knowledge }",
    ),
    (
        "workflow: a method, in a policy's step",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        #[retry(3)]
        let notes = desk.knowledge.sea/*cursor*/rch(text).await?;
        Ok(notes)
    }
);",
        "async fn search(",
    ),
    (
        "workflow: half-written elsewhere",
        "workflow!(
    async fn answer(desk: &Desk, text: &str) -> Result<String> {
        let notes = han/*cursor*/dle(desk, text).await?;
        let more = desk.
        Ok(notes)
    }
);",
        "async fn handle(",
    ),
    (
        "route: an arm's pattern",
        "async fn go(intent: Intent, desk: &Desk) -> Result<String> {
    route!(match intent {
        Intent::Bil/*cursor*/ling => handle(desk, \"a\"),
        Intent::Other => handle(desk, \"b\"),
    }).await
}",
        "enum Intent { Billing,",
    ),
    (
        "fan_out: a branch's function",
        "async fn go(desk: &Desk) -> Result<String> {
    let both = fan_out!(left = handle(desk, \"a\"), right = han/*cursor*/dle(desk, \"b\")).await?;
    Ok(both.left)
}",
        "async fn handle(",
    ),
    (
        "pipeline: a stage",
        "async fn shout(text: &str) -> Result<String> { Ok(text.to_uppercase()) }
fn go() {
    let chain = pipeline!(sho/*cursor*/ut, |text: String| async move { Result::Ok(text) });
}",
        "async fn shout(",
    ),
];

/// The source as it stands in the file, and the cursor's place in it.
fn written(source: &str) -> (String, usize) {
    let whole = format!("{PRELUDE}\n{source}\n");
    let offset = whole.find(CURSOR).unwrap();
    (whole.replace(CURSOR, ""), offset)
}

#[test]
fn an_editor_completes_and_finds_definitions() {
    let mut server = Server::ready();
    let mut missing = Vec::new();
    for (what, source, wanted) in SOURCES {
        let (text, offset) = written(source);
        let result = server.ask("textDocument/completion", &text, offset);
        let items = result.get("items").unwrap_or(&result).as_array().cloned().unwrap_or_default();
        let labels: Vec<&str> = items.iter().filter_map(|item| item["label"].as_str()).collect();
        if !labels.iter().any(|label| label.split(['(', ' ', '…']).next() == Some(wanted)) {
            missing.push(format!(
                "{what}: `{wanted}` is not among {} offers: {:?}",
                labels.len(),
                &labels[..labels.len().min(8)]
            ));
        }
    }
    for (what, source, wanted) in DEFINITIONS {
        let (text, offset) = written(source);
        let found = server.ask("textDocument/definition", &text, offset);
        let targets: Vec<&Value> = found.as_array().map(|all| all.iter().collect()).unwrap_or_default();
        let line = |target: &&Value| {
            let range = target.get("targetSelectionRange").unwrap_or(&target["range"]);
            let line = usize::try_from(range["start"]["line"].as_u64()?).ok()?;
            text.lines().nth(line)
        };
        if !targets.iter().filter_map(line).any(|line| line.contains(wanted)) {
            missing.push(format!("{what}: no definition at `{wanted}`, but {found}"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
