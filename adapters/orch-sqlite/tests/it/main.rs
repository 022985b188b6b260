//! Files that last, are shared, and are damaged.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::time::{Duration, Instant};

use orch_core::Result;
use orch_core::memory::{Conversations, Memory};
use orch_core::model::{Message, ScriptedModel, ToolCall, ToolResult};
use orch_core::retrieve::{Chunker, Document, Index, MemoryStore, Retrieved, Store};
use orch_core::router::{Encoder, Vectors};
use orch_core::tool::Tools;
use orch_sqlite::{ReadOnlySql, SqliteConversations, SqliteError, SqliteErrorKind, SqliteStore};

/// Words as directions: two texts are alike as far as they share some.
struct Words(&'static str);

impl Encoder for Words {
    fn identity(&self) -> &str {
        self.0
    }

    fn dimensions(&self) -> usize {
        512
    }

    async fn encode(&self, texts: &[&str]) -> Result<Vectors> {
        let vector = |text: &&str| {
            let mut vector = vec![0.001_f32; 512];
            for word in text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
                let hash = |hash: usize, byte| (hash * 31 + usize::from(byte)) % 509;
                vector[word.to_lowercase().bytes().fold(7, hash)] += 1.0;
            }
            vector
        };
        Ok(texts.iter().map(vector).collect())
    }
}

fn pages() -> Vec<Document> {
    let lines = [
        "Orders can be sent back within 30 days.",
        "The lock blinks blue while it pairs.",
        "Café hours: 8 to 17.",
        "A \"quoted\" AND OR NOT NEAR(x) text*",
        "Der Schlüssel öffnet die Tür.",
    ];
    lines.iter().enumerate().map(|(number, line)| Document::new(format!("page {number}"), *line)).collect()
}

#[tokio::test]
async fn passages_last_and_are_found_as_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passages.db");
    let in_memory = Index::new(Words("words"), MemoryStore::new(), Chunker::sentences(40, 0));
    {
        let index = Index::new(Words("words"), SqliteStore::open(&file).unwrap(), Chunker::sentences(40, 0));
        for page in pages() {
            index.add(&page).await.unwrap();
            in_memory.add(&page).await.unwrap();
        }
    }
    let index = Index::new(Words("words"), SqliteStore::open(&file).unwrap(), Chunker::sentences(40, 0));
    for query in [
        "sent back",
        "CAFE",
        "does the lock pair",
        "\"quoted\" AND (",
        "schlussel tur",
        "NEAR(",
        "*",
        "",
        "'; DROP TABLE passages;",
    ] {
        let (here, there) =
            (index.search(query, 2).await.unwrap(), in_memory.search(query, 2).await.unwrap());
        let first = |found: &Retrieved| found.hits().first().map(|hit| hit.passage.document.clone());
        assert_eq!(first(&here), first(&there), "{query}");
        for (here, there) in here.hits().iter().zip(there.hits()) {
            assert_eq!(here.by_words.is_some(), there.by_words.is_some(), "{query}: {here:?} {there:?}");
        }
    }
    index.add(&Document::new("page 1", "The lock is new.")).await.unwrap();
    assert!(
        index
            .search("blinks", 5)
            .await
            .unwrap()
            .hits()
            .iter()
            .all(|hit| !hit.passage.text.contains("blinks"))
    );
    index.remove("page 1").await.unwrap();
    assert_eq!(SqliteStore::open(&file).unwrap().by_words("lock", 5).await.unwrap(), []);

    let other = Index::new(Words("other"), SqliteStore::open(&file).unwrap(), Chunker::sentences(40, 0));
    let error = other.search("x", 1).await.unwrap_err().to_string();
    assert!(error.contains("the vectors are of `words`, and the encoder is `other`"), "{error}");
    let error = SqliteStore::open(&file).unwrap().by_vector(&[1.0], 1).await.unwrap_err().to_string();
    assert!(error.contains("another length"), "{error}");
}

#[tokio::test]
async fn a_conversation_lasts_with_its_tools_summary_and_facts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("memory.db");
    let call = ToolCall::new("1", "t", "{}");
    let result = ToolResult { id: "1".to_owned(), tool: "t".to_owned(), text: "17".to_owned(), failed: true };
    let said = [
        Message::system("s"),
        Message::user("ü\0\n"),
        Message::Assistant { text: String::new(), calls: vec![call] },
        Message::Tool(result),
        Message::assistant("done"),
    ];
    SqliteConversations::open(&file).unwrap().append("c", &said).await.unwrap();
    let kept = SqliteConversations::open(&file).unwrap();
    assert_eq!(kept.messages("c").await.unwrap(), (0, said.to_vec()));
    assert_eq!(kept.messages("d").await.unwrap(), (0, vec![]));

    let memory = Memory::new(kept.clone());
    memory.learn("c", "name", "Ann").await.unwrap();
    let model = ScriptedModel::new("m").says("They spoke.");
    assert!(memory.compact("c", &model, 1).await.unwrap());
    let recalled = memory.recall("c", 100).await.unwrap();
    let notes = "<notes>\nWhat is known:\n- name: Ann\nWhat was said before:\nThey spoke.\n</notes>";
    assert!(recalled[0].text().ends_with(notes), "{recalled:?}");
    assert_eq!(recalled[1..], [Message::assistant("done")]);
    memory.record("c", &[Message::user("more")]).await.unwrap();
    assert_eq!(kept.messages("c").await.unwrap().0, 4);
    assert!(!kept.summarise("c", 0, 2, "late").await.unwrap(), "somebody was quicker");
    memory.forget("c").await.unwrap();
    assert!(memory.recall("c", 100).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_in_several_connections_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shared.db");
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let kept = SqliteConversations::open(&file).unwrap();
            tokio::spawn(async move {
                for number in 0..25 {
                    let pair = [Message::user(format!("{writer}.{number}")), Message::assistant("ok")];
                    kept.append("c", &pair).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let (_, messages) = SqliteConversations::open(&file).unwrap().messages("c").await.unwrap();
    assert_eq!(messages.len(), 400);
    assert!(messages.chunks(2).all(|pair| pair[1] == Message::assistant("ok")));
}

fn kind(error: SqliteError) -> SqliteErrorKind {
    assert!(error.to_string().contains(".db: "), "{error}");
    error.kind
}

#[tokio::test]
async fn damaged_files_are_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("text.db"), "this is no database, and long enough to be read as one: ".repeat(40))
        .unwrap();
    let text = SqliteStore::open(file("text.db")).unwrap_err();
    assert!(matches!(kind(text), SqliteErrorKind::Damaged(_)));
    let nowhere = SqliteStore::open(Path::new("/no/such/folder/x.db")).unwrap_err();
    assert!(matches!(kind(nowhere), SqliteErrorKind::Other(_)));

    drop(SqliteConversations::open(file("new.db")).unwrap());
    let plain = rusqlite::Connection::open(file("new.db")).unwrap();
    plain.execute("INSERT INTO messages VALUES ('c', 0, '{\"role\": 7}')", []).unwrap();
    let error = SqliteConversations::open(file("new.db")).unwrap().messages("c").await.unwrap_err();
    let error = error.downcast_ref::<SqliteError>().unwrap();
    assert!(
        matches!(&error.kind, SqliteErrorKind::Row { table: "messages", key, .. } if key == "c 0"),
        "{error}"
    );
    plain.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(
        kind(SqliteConversations::open(file("new.db")).unwrap_err()),
        SqliteErrorKind::Newer(99)
    ));

    // Cut anywhere, it is refused or works; it never panics.
    let store = SqliteStore::open(file("whole.db")).unwrap();
    let index = Index::new(Words("words"), store, Chunker::sentences(40, 0));
    for page in pages() {
        index.add(&page).await.unwrap();
    }
    drop(index);
    let whole = std::fs::read(file("whole.db")).unwrap();
    for part in 1..40 {
        let cut = file(&format!("cut{part}.db"));
        let mut bytes = whole.clone();
        bytes.truncate(whole.len() * part / 40);
        if let Some(middle) = bytes.len().checked_sub(100) {
            bytes[middle..].reverse();
        }
        std::fs::write(&cut, bytes).unwrap();
        if let Ok(store) = SqliteStore::open(&cut) {
            let _ = store.by_words("lock", 3).await;
            let _ = store.by_vector(&[0.1; 512], 3).await;
        }
    }
}

#[tokio::test]
async fn a_query_reads_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.db");
    let shop = rusqlite::Connection::open(&file).unwrap();
    shop.execute_batch("CREATE TABLE orders (id INTEGER, article TEXT, price REAL); INSERT INTO orders VALUES (1, 'hub', 9.5), (2, 'lock', 80.0);").unwrap();
    let tool = ReadOnlySql::open(&file).unwrap().timeout(Duration::from_millis(500));
    assert!(
        tool.specs()[0].description.contains("CREATE TABLE orders (id INTEGER, article TEXT, price REAL)")
    );
    let ask = async |sql: &str| {
        let arguments = serde_json::json!({ "sql": sql }).to_string();
        let call = ToolCall::new("1", "query", arguments);
        tool.call(&call).await.map_err(|error| error.to_string())
    };
    let found = ask("SELECT article, price FROM orders WHERE price > 10").await.unwrap();
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(
        found,
        serde_json::json!({ "columns": ["article", "price"], "more": false, "rows": [["lock", 80.0]] })
    );
    assert!(ask("SELECT count(*) FROM orders").await.unwrap().contains("[[2]]"));
    let other = folder.path().join("other.db");
    for sql in [
        "DELETE FROM orders",
        "INSERT INTO orders VALUES (3, 'x', 1)",
        "SELECT 1; DROP TABLE orders",
        "PRAGMA writable_schema = ON",
        "CREATE TABLE t (x)",
        "SELECT load_extension('x')",
        "SELECT * FROM nowhere",
        "nonsense",
        "",
        &format!("ATTACH '{}' AS o", other.display()),
        &format!("VACUUM INTO '{}'", other.display()),
    ] {
        assert!(ask(sql).await.is_err(), "{sql}");
    }
    assert!(!other.exists());
    assert!(ask("SELECT count(*) FROM orders").await.unwrap().contains("[[2]]"));

    let began = Instant::now();
    let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT sum(x) FROM n";
    assert!(ask(endless).await.unwrap_err().contains("took longer than 500ms"));
    assert!(began.elapsed() < Duration::from_secs(3));
    // What one function does takes long too.
    let began = Instant::now();
    let heavy = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n WHERE \
                 x || replace(hex(zeroblob(15000)), '0', 'a') LIKE '%' || substr(replace(hex(zeroblob(15000)), '0', 'a'), 1, 60) || 'b'";
    assert!(ask(heavy).await.unwrap_err().contains("took longer than 500ms"));
    let instr = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n WHERE \
                 instr(x || hex(zeroblob(30000)), hex(zeroblob(10000)) || 'b')";
    assert!(ask(instr).await.unwrap_err().contains("took longer than 500ms"));
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    let deep = "SELECT hex(zeroblob(100)) LIKE replace(hex(zeroblob(10000)), '0', '%a')";
    assert!(ask(deep).await.unwrap_err().contains("too complex"));
    let many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 500) SELECT x FROM n";
    assert!(ask(many).await.unwrap().contains("\"more\":true"));
    assert!(ask("SELECT zeroblob(100000000)").await.is_err(), "too large");
    assert!(ask("SELECT replace(hex(zeroblob(10000)), '0', 'é')").await.unwrap().len() < 3_000);
    assert!(ReadOnlySql::open(folder.path().join("none.db")).is_err());
}

#[tokio::test]
async fn a_forgotten_conversation_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let kept = SqliteConversations::open(folder.path().join("memory.db")).unwrap();
    kept.append("ann", &[Message::user("secret"), Message::user("more")]).await.unwrap();
    let (first, messages) = kept.messages("ann").await.unwrap();
    kept.forget("ann").await.unwrap();
    kept.append("ann", &[Message::user("new"), Message::user("newer")]).await.unwrap();
    // What was begun before it was forgotten ends too late.
    assert!(!kept.summarise("ann", first, first + messages.len() as u64, "secret").await.unwrap());
    let (first, messages) = kept.messages("ann").await.unwrap();
    assert_eq!(messages, [Message::user("new"), Message::user("newer")]);
    assert!(kept.summarise("ann", first, first + 1, "new").await.unwrap());
    kept.append("ann", &[Message::user("newest")]).await.unwrap();
    assert_eq!(kept.messages("ann").await.unwrap().1.len(), 2);
}
