//! The protocol's two reference servers, over standard input and output and over HTTP, and one that misbehaves.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use orch_core::agent::React;
use orch_core::model::{Message, ScriptedModel, ToolCall};
use orch_core::tool::{Effect, ToolError, Tools};
use orch_mcp::{Connect, McpError, McpTools};
use testkit::{McpCommand, McpHttp};

fn connect(server: McpCommand) -> Connect {
    McpTools::command(server.program, server.arguments)
}

fn call(tool: &str, arguments: &str) -> ToolCall {
    ToolCall::new("1", tool, arguments)
}

async fn said(tools: &McpTools, tool: &str, arguments: &str) -> String {
    match tools.call(&call(tool, arguments)).await {
        Ok(text) => text,
        Err(error) => format!("error: {error}"),
    }
}

/// What holds however the server is reached.
async fn a_server_works(tools: &McpTools) {
    let specs = tools.specs();
    let echo = specs.iter().find(|spec| &*spec.name == "echo").unwrap();
    assert!(!echo.description.is_empty() && echo.parameters.contains("message"));
    assert_eq!(said(tools, "echo", r#"{"message": "hi"}"#).await, "Echo: hi");
    assert_eq!(said(tools, "get-sum", r#"{"a": 2, "b": 3}"#).await, "The sum of 2 and 3 is 5.");
    // The server's own errors are told to the model.
    assert!(said(tools, "get-sum", r#"{"a": "two"}"#).await.contains("expected number"));
    assert!(said(tools, "nope", "{}").await.starts_with("error: there is no tool `nope`; there is"));
    assert!(said(tools, "echo", "[1]").await.contains("they are no object"));
    assert!(said(tools, "echo", "{").await.contains("do not fit"));
    let image = said(tools, "get-tiny-image", "").await;
    assert!(image.contains("[image image/png, ") && image.len() < 300, "{image}");
    assert!(
        said(tools, "get-structured-content", r#"{"location": "Chicago"}"#).await.contains("temperature")
    );
    assert!(said(tools, "get-resource-links", r#"{"count": 1}"#).await.contains("[resource demo://"));

    let long = format!("{{\"message\": \"{}\"}}", "x".repeat(200_000));
    let huge = said(tools, "echo", &long).await;
    assert!(huge.ends_with("bytes left out]") && huge.len() < 17_000, "{}", huge.len());

    // One that is slow holds up no other, and is cancelled when its time is over.
    let slow = call("trigger-long-running-operation", r#"{"duration": 20, "steps": 4}"#);
    let began = Instant::now();
    let (slow, quick) = tokio::join!(tools.call(&slow), async {
        let text = said(tools, "echo", r#"{"message": "quick"}"#).await;
        (text, began.elapsed())
    });
    assert!(matches!(slow, Err(ToolError::TimedOut { .. })), "{slow:?}");
    assert!(quick.0 == "Echo: quick" && quick.1 < Duration::from_secs(1));
    assert!(began.elapsed() < Duration::from_secs(4));
    // Dropped by whoever waited, it leaves a server that answers.
    let dropped = call("trigger-long-running-operation", r#"{"duration": 20, "steps": 4}"#);
    assert!(tokio::time::timeout(Duration::from_millis(200), tools.call(&dropped)).await.is_err());
    assert_eq!(said(tools, "echo", r#"{"message": "still"}"#).await, "Echo: still");
}

#[tokio::test]
async fn over_standard_input_and_output() {
    let Some(server) = McpCommand::everything() else { return };
    let tools = connect(server.clone()).timeout(Duration::from_secs(2)).connect().await.unwrap();
    a_server_works(&tools).await;
    assert_eq!(tools.effect("echo"), Some(Effect::Writes), "a hint is not believed");
    let trusting = connect(server).trusting_hints().named("every").connect().await.unwrap();
    assert_eq!(trusting.effect("every_echo"), Some(Effect::Reads));
    assert_eq!(said(&trusting, "every_echo", r#"{"message": "hi"}"#).await, "Echo: hi");
    // Of the environment it sees where programs are, and nothing else.
    let seen = said(&trusting, "every_get-env", "").await;
    assert!(seen.contains("PATH") && !seen.contains("CARGO"), "{seen}");
}

#[tokio::test]
async fn over_http_and_again_after_it_died() {
    let Some(server) = McpHttp::start() else { return };
    let tools = McpTools::http(server.url())
        .timeout(Duration::from_secs(2))
        .trusting_hints()
        .connect()
        .await
        .unwrap();
    a_server_works(&tools).await;
    // Its memory of the session dies with it; the next call may find that out, the one after it works.
    let server = server.again();
    let began = Instant::now();
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(said(&tools, "echo", r#"{"message": "back"}"#).await);
    }
    assert_eq!(answers.last().unwrap(), "Echo: back", "{answers:?}");
    assert!(began.elapsed() < Duration::from_secs(12));
    drop(server);
    let error = said(&tools, "echo", r#"{"message": "gone"}"#).await;
    assert!(error.starts_with("error: "), "{error}");
}

#[tokio::test]
async fn a_server_that_misbehaves_is_borne() {
    let Some(server) = McpCommand::odd() else { return };
    let connect = connect(server).timeout(Duration::from_millis(700)).max_message(300_000);
    let tools = connect.connect().await.unwrap();
    // All pages of its list are there, with names that providers take.
    let names: Vec<String> = tools.specs().iter().map(|spec| spec.name.to_string()).collect();
    assert!(names.len() >= 8 && names.contains(&"odd_name_with_spaces".to_owned()), "{names:?}");
    assert_eq!(said(&tools, "odd_name_with_spaces", "").await, "odd");
    assert_eq!(said(&tools, "babble", "").await, "Sorry.");
    assert_eq!(said(&tools, "empty", "").await, "");
    assert_eq!(said(&tools, "fail", "").await, "error: `fail` failed: It did not work.");
    assert!(said(&tools, "refuse", "").await.contains("it broke"));
    // A call that took too long is cancelled, and so is one whose caller went away.
    assert!(said(&tools, "silent", "").await.contains("took longer than 700ms"));
    assert_eq!(said(&tools, "cancelled", "").await, "1");
    let dropped = tokio::time::timeout(Duration::from_millis(100), tools.call(&call("silent", ""))).await;
    assert!(dropped.is_err());
    for _ in 0..100 {
        if said(&tools, "cancelled", "").await == "2" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(said(&tools, "cancelled", "").await, "2");

    // Its list grows while an agent works, and the agent has the new tool.
    let before = tools.revision();
    let model = ScriptedModel::new("m")
        .calls("grow", r#"{"name": "late"}"#)
        .calls("babble", "{}")
        .calls("late", "{}")
        .says("done");
    let done = React::new(model, &tools).run("go").await.unwrap();
    assert!(tools.revision() > before);
    assert!(done.messages.iter().map(Message::text).any(|text| text == "I am late."), "{:?}", done.messages);

    // Nor need a call come between: it is asked for when the server says that it changed.
    let before = tools.revision();
    assert!(!said(&tools, "grow", r#"{"name": "later"}"#).await.starts_with("error"));
    let has = || tools.specs().iter().any(|spec| &*spec.name == "later");
    for _ in 0..100 {
        if has() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(has() && tools.revision() > before);

    // Who says so a thousand times is not asked as often.
    assert_eq!(said(&tools, "flood", r#"{"times": 1000}"#).await, "Done.");
    let lists: u32 = said(&tools, "lists", "").await.parse().unwrap();
    assert!(lists < 100, "{lists}");

    // A message that is too large ends the connection, and so does a crash; the next call has a new one.
    assert!(said(&tools, "huge", r#"{"bytes": 100000}"#).await.ends_with("bytes left out]"));
    let huge = said(&tools, "huge", r#"{"bytes": 5000000}"#).await;
    assert!(huge.contains("nobody knows whether it was done") || huge.contains("took longer"), "{huge}");
    assert_eq!(said(&tools, "babble", "").await, "Sorry.");
    let crash = said(&tools, "crash", "").await;
    assert!(crash.contains("the connection with the server broke"), "{crash}");
    assert_eq!(said(&tools, "babble", "").await, "Sorry.");
}

#[tokio::test]
async fn files_inside_a_folder_and_none_outside() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = McpCommand::filesystem(folder.path()) else { return };
    let tools = connect(server).trusting_hints().connect().await.unwrap();
    let path = folder.path().join("a.txt");
    let write = format!("{{\"path\": {:?}, \"content\": \"hello\"}}", path.display().to_string());
    assert!(said(&tools, "write_file", &write).await.starts_with("Successfully wrote"));
    let read = format!("{{\"path\": {:?}}}", path.display().to_string());
    assert_eq!(said(&tools, "read_text_file", &read).await, "hello");
    assert!(said(&tools, "read_text_file", r#"{"path": "/etc/passwd"}"#).await.contains("Access denied"));
    assert_eq!(
        (tools.effect("read_text_file"), tools.effect("write_file")),
        (Some(Effect::Reads), Some(Effect::Idempotent))
    );
}

#[tokio::test]
async fn what_is_no_server_is_said() {
    let error = McpTools::command("no-such-program", ["x"]).connect().await.unwrap_err();
    assert!(matches!(error.downcast_ref::<McpError>(), Some(McpError::Start { .. })), "{error}");
    let began = Instant::now();
    let mute = McpTools::command("sleep", ["60"]).connect_timeout(Duration::from_millis(300));
    let error = mute.connect().await.unwrap_err();
    assert!(
        error.to_string().contains("nothing came in 300ms") && began.elapsed() < Duration::from_secs(3),
        "{error}"
    );
    let error = McpTools::command("true", [""; 0]).connect().await.unwrap_err();
    assert!(matches!(error.downcast_ref::<McpError>(), Some(McpError::Connect { .. })), "{error}");
    let http = McpTools::http("http://127.0.0.1:1/mcp?key=secret").connect_timeout(Duration::from_secs(5));
    let error = http.connect().await.unwrap_err().to_string();
    assert!(
        error.contains("no connection with `http://127.0.0.1:1/mcp`") && !error.contains("secret"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_over_http_that_does_not_end_is_not_read_to_its_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"a\": \"");
            // Whoever reads no more closes the connection.
            while stream.write_all(&[b'x'; 1 << 14]).is_ok() {}
        }
    });
    let began = Instant::now();
    let error = McpTools::http(url).connect_timeout(Duration::from_secs(20)).connect().await.unwrap_err();
    assert!(matches!(error.downcast_ref::<McpError>(), Some(McpError::Connect { .. })), "{error}");
    assert!(began.elapsed() < Duration::from_secs(15), "it ends by size, not by time: {error}");
}
