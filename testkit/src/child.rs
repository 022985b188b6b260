//! A process that ends with the test.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A running process, killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    /// Starts it, and waits for a line of its output that begins with `mark`; gives the rest of the line.
    pub(crate) fn until(command: &mut Command, mark: &str) -> (Self, String) {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let (send, lines) = std::sync::mpsc::channel();
        // Some say so on one, some on the other; and neither may fill up.
        let out = BufReader::new(process.stdout.take().expect("it is piped"));
        let err = BufReader::new(process.stderr.take().expect("it is piped"));
        let other = send.clone();
        std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
        std::thread::spawn(move || err.lines().map_while(Result::ok).for_each(|line| drop(other.send(line))));
        let running = Self(process);
        let limit = std::time::Duration::from_mins(2);
        let mut said = Vec::new();
        while let Ok(line) = lines.recv_timeout(limit) {
            if let Some(at) = line.find(mark) {
                let rest = line[at + mark.len()..].trim().to_owned();
                std::thread::spawn(move || lines.into_iter().for_each(drop));
                return (running, rest);
            }
            said.push(line);
        }
        panic!("the server did not start: {}", said.join("\n"));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
