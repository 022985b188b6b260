//! Tools that are asked for what they must not do.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use orch_core::model::ToolCall;
use orch_core::tool::Tools;
use orch_tools::{Fetch, Folder, Sandbox};

async fn said(tools: &impl Tools, tool: &str, arguments: &str) -> String {
    let call = ToolCall::new("1", tool, arguments);
    match tools.call(&call).await {
        Ok(text) => text,
        Err(error) => format!("error: {error}"),
    }
}

#[tokio::test]
async fn files_inside_and_none_outside() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("sub")).unwrap();
    std::fs::write(folder.path().join("secret"), "secret").unwrap();
    std::fs::write(root.join("a.txt"), "one\ntwo\nthree\n").unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret"), root.join("link")).unwrap();
    std::os::unix::fs::symlink("/", root.join("sub/slash")).unwrap();
    std::fs::write(root.join("big"), "x".repeat(1 << 20)).unwrap();

    let reads = Folder::read_only(&root).unwrap();
    assert_eq!(said(&reads, "read_file", r#"{"file": "a.txt", "from_line": 2}"#).await, "two\nthree\n");
    let listed = said(&reads, "list_files", r#"{"folder": "."}"#).await;
    assert!(listed.contains(r#""name":"a.txt""#) && listed.contains(r#""bytes":14"#), "{listed}");
    assert!(said(&reads, "read_file", r#"{"file": "big"}"#).await.ends_with("bytes left out]"));
    for file in ["../secret", "link", "sub/slash/etc/passwd", "/etc/passwd", "sub/../../secret", "", "none"] {
        let text = said(&reads, "read_file", &format!("{{\"file\": \"{file}\"}}")).await;
        assert!(text.starts_with("error: `read_file` failed"), "{file}: {text}");
    }
    assert!(
        said(&reads, "write_file", r#"{"file": "a.txt", "text": "x"}"#).await.contains("there is no tool")
    );

    let writes = Folder::writable(&root).unwrap();
    assert_eq!(said(&writes, "write_file", r#"{"file": "sub/new.txt", "text": "hello"}"#).await, "5");
    assert_eq!(std::fs::read_to_string(root.join("sub/new.txt")).unwrap(), "hello");
    for file in ["../out.txt", "sub/slash/tmp/out.txt", "none/out.txt"] {
        let text = said(&writes, "write_file", &format!("{{\"file\": \"{file}\", \"text\": \"x\"}}")).await;
        assert!(text.starts_with("error"), "{file}: {text}");
    }
    // A link is replaced, and where it led is as it was.
    said(&writes, "write_file", r#"{"file": "link", "text": "x"}"#).await;
    assert_eq!(std::fs::read_to_string(folder.path().join("secret")).unwrap(), "secret");
    assert!(Folder::read_only(root.join("none")).is_err());
}

/// A server that answers by the path it is asked for.
fn server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4_096];
            let count = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..count]).into_owned();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let (head, body) = match path {
                "/page" => ("200 OK\r\ncontent-type: text/html", "<p>hello</p>".to_owned()),
                "/moved" => ("302 Found\r\nlocation: /page", String::new()),
                "/away" => ("302 Found\r\nlocation: http://evil.example/page", String::new()),
                "/round" => ("302 Found\r\nlocation: /round", String::new()),
                "/image" => ("200 OK\r\ncontent-type: image/png", "png".to_owned()),
                "/big" => ("200 OK\r\ncontent-type: text/plain", "x".repeat(2 << 20)),
                _ => ("404 Not Found", String::new()),
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    port
}

#[tokio::test]
async fn pages_of_the_list_and_none_of_this_network() {
    let port = server();
    let ask =
        async |fetch: &Fetch, url: &str| said(fetch, "fetch_page", &format!("{{\"url\": \"{url}\"}}")).await;
    let here = Fetch::from_hosts(["localhost", "127.0.0.1"]).also_inside();
    let base = format!("http://127.0.0.1:{port}");
    assert_eq!(ask(&here, &format!("{base}/page")).await, "<p>hello</p>");
    assert_eq!(ask(&here, &format!("{base}/moved")).await, "<p>hello</p>");
    for (path, error) in [
        ("/away", "`evil.example` is not allowed"),
        ("/round", "more than 3 times"),
        ("/image", "it is `image/png`, and no text"),
        ("/big", "larger than"),
        ("/none", "status 404"),
    ] {
        let text = ask(&here, &format!("{base}{path}")).await;
        assert!(text.contains(error), "{path}: {text}");
    }
    // What is allowed by name is refused where it leads.
    let careful = Fetch::from_hosts(["localhost", "127.0.0.1", "[::1]", "0x7f000001"]);
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let text = ask(&careful, &format!("http://{host}:{port}/page")).await;
        assert!(text.contains("it cannot be reached"), "{host}: {text}");
    }
    for url in [
        "file:///etc/passwd",
        "ftp://localhost/x",
        "localhost",
        "http://",
        "http://user:pass@localhost/",
        "http:///x",
        "🙂",
    ] {
        assert!(ask(&careful, url).await.contains("this is no address of the web"), "{url}");
    }
    assert!(ask(&careful, "http://example.org/").await.contains("not allowed"));
}

#[tokio::test]
async fn code_runs_and_can_do_nothing() {
    let python = match Sandbox::python().await {
        Ok(python) => python.timeout(Duration::from_secs(4)).memory(256 << 20),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{error}");
            println!("skipped: {error}");
            return;
        }
    };
    assert_eq!(python.run("print(sum(range(10)))").await.unwrap(), "45\n");
    let failed = python.run("raise ValueError('no')").await.unwrap();
    assert!(
        failed.contains("ValueError: no") && failed.contains("[it ended with exit status: 1]"),
        "{failed}"
    );

    // Nothing of this machine is there.
    let home = std::env::current_dir().unwrap();
    for path in ["/etc/passwd", "/root", "/home", "/tmp/..data", &home.display().to_string()] {
        let code = format!("import os; print(os.path.exists({path:?}))");
        assert_eq!(python.run(&code).await.unwrap(), "False\n", "{path}");
    }
    assert_eq!(
        python.run("import os; print(sorted(os.environ))").await.unwrap(),
        "['HOME', 'LANG', 'PATH']\n"
    );
    let network = "import socket\ntry:\n  socket.create_connection(('1.1.1.1', 80), 1)\nexcept OSError as e: print('none')";
    assert_eq!(python.run(network).await.unwrap(), "none\n");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = network
        .replace("1.1.1.1", "127.0.0.1")
        .replace("80", &listener.local_addr().unwrap().port().to_string());
    assert_eq!(python.run(&local).await.unwrap(), "none\n");
    let write = "for p in ['/usr/x', '/x', '/bin/x']:\n  try: open(p, 'w'); print('wrote', p)\n  except OSError: print('no')";
    assert_eq!(python.run(write).await.unwrap(), "no\nno\nno\n");
    assert!(
        python
            .run("import os; print(len([p for p in os.listdir('/proc') if p.isdigit()]))")
            .await
            .unwrap()
            .len()
            < 3
    );

    // The old root is not there to go back to, and nothing is allowed that would find it.
    let escape = "import os\ntry:\n  fd = os.open('/', os.O_RDONLY)\n  os.mkdir('/tmp/x')\n  os.chroot('/tmp/x')\n  os.fchdir(fd)\n  for _ in range(40): os.chdir('..')\n  os.chroot('.')\nexcept OSError as e: print('no', type(e).__name__)\nprint(os.path.exists('/etc/passwd'), os.listdir('/old'))";
    assert_eq!(python.run(escape).await.unwrap(), "no PermissionError\nFalse []\n");
    let rights = "print([line.split()[1] for line in open('/proc/self/status') if line.startswith('Cap')])";
    assert_eq!(
        python.run(rights).await.unwrap(),
        format!("{:?}\n", ["0000000000000000"; 5]).replace('"', "'")
    );

    // And it is bounded.
    let began = Instant::now();
    assert!(python.run("while True: pass").await.is_err());
    // What it started ends when it does.
    let left = python.run("import os, time\nif os.fork() == 0: time.sleep(60)\nprint('done')").await.unwrap();
    assert!(left.starts_with("done"), "{left}");
    assert!(began.elapsed() < Duration::from_secs(6));
    assert!(python.run("x = bytearray(1 << 30)").await.unwrap().contains("MemoryError"));
    let bomb = "import os\nn = 0\ntry:\n  while n < 500:\n    if os.fork() == 0: os.pause() if hasattr(os, 'pause') else __import__('signal').pause()\n    n += 1\nexcept OSError: pass\nprint(n < 500)\nos.kill(-1, 9)";
    let bombed = python.run(bomb).await;
    assert!(bombed.as_ref().map_or(true, |text| text.contains("True")), "{bombed:?}");
    let flood = python.run("print('x' * 10_000_000)").await.unwrap();
    assert!(flood.len() < 20_000 && flood.ends_with("bytes left out]"), "{}", flood.len());
    let full = python.run("open('f', 'wb').write(b'x' * (100 << 20))").await.unwrap();
    assert!(full.contains("it ended with"), "{full}");
    let text = said(&python, "run_code", r#"{"code": "print('tool')"}"#).await;
    assert_eq!(text, "tool\n");
    let shell = Sandbox::shell().await.unwrap();
    assert_eq!(shell.run("echo $((6 * 7)); ls").await.unwrap(), "42\nmain.sh\n");
}

/// A search engine that says this to each question, and tells what it was asked.
fn search_engine(status: &'static str, body: String) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/search?key=sk-secret", listener.local_addr().unwrap());
    let (sender, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(4) {
            let mut stream = stream.unwrap();
            let mut request = vec![0; 8_192];
            let read = std::io::Read::read(&mut stream, &mut request).unwrap();
            let _ = sender.send(String::from_utf8_lossy(&request[..read]).into_owned());
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = std::io::Write::write_all(&mut stream, format!("{head}{body}").as_bytes());
        }
    });
    (address, asked)
}

#[tokio::test]
async fn a_search_shows_what_was_found_and_names_what_went_wrong() {
    let search_for = |address: &str, query: &str| {
        let search = orch_tools::Search::new(address).results(2);
        let arguments = format!(r#"{{"query": "{query}"}}"#);
        async move {
            let call = ToolCall::new("1", "search_web", arguments);
            search.call(&call).await.map_err(|error| error.to_string())
        }
    };
    let hit = |n: u32| {
        format!(r#"{{"title": "Page\n{n}", "url": "https://example.org/{n}", "content": "About hubs."}}"#)
    };
    let (address, asked) =
        search_engine("200 OK", format!(r#"{{"results": [{}, {}, {}]}}"#, hit(1), hit(2), hit(3)));
    let found = search_for(&address, "hubs & lamps").await.unwrap();
    assert_eq!(
        found,
        "1. Page 1\nhttps://example.org/1\nAbout hubs.\n\n2. Page 2\nhttps://example.org/2\nAbout hubs."
    );
    let request = asked.recv().unwrap();
    assert!(request.contains("q=hubs%20%26%20lamps") || request.contains("q=hubs+%26+lamps"), "{request}");

    let (address, _asked) = search_engine("200 OK", r#"{"results": []}"#.to_owned());
    assert_eq!(search_for(&address, "x").await.unwrap(), "nothing was found");
    for (status, body, says) in [
        ("500 Oops", String::new(), "status 500"),
        ("200 OK", "<html>".to_owned(), "no list of results"),
        ("200 OK", "x".repeat(2 << 20), "cannot be reached"),
    ] {
        let (address, _asked) = search_engine(status, body);
        let error = search_for(&address, "x").await.unwrap_err();
        assert!(error.contains(says) && !error.contains("sk-secret"), "{error}");
    }
    assert!(
        search_for("http://127.0.0.1:1/search?key=sk-secret", "x")
            .await
            .is_err_and(|e| !e.contains("sk-secret"))
    );
}
