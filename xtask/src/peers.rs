//! What other orchestration libraries cost on the orchestrations of the bench, beside ours and the hand-written ones,
//! in one run. Each peer is built by itself: shared dependencies would otherwise take the features of all.

use std::process::Command;

use crate::tools::Valgrind;
use crate::{Failure, cargo, cost, root, say};

/// Cargo features of `bench/peers`.
const PEERS: [&str; 7] = ["tower", "rig", "boxed", "dfir", "swiftide", "graph-flow", "dagrs"];

const SCENARIOS: [&str; 7] =
    ["chain-10", "fan-out-8", "route-8", "document", "hierarchy", "map-1000-at-16", "guarded-10"];

/// Prints instructions per run, and how many times the hand-written ones they are.
pub(crate) fn run(valgrind: &Valgrind) -> Result<(), Failure> {
    cost::build(false)?;
    let bench = root().join("target/measured/bench");
    let mut by_hand = Vec::new();
    let mut rows = vec![Vec::new(), Vec::new()];
    for scenario in SCENARIOS {
        let hand = cost::instructions(valgrind, &bench, &[scenario, "hand"], cost::MEASURED)?;
        let orch = cost::instructions(valgrind, &bench, &[scenario, "orch"], cost::MEASURED)?;
        rows[0].push(Some(hand));
        rows[1].push(Some(orch));
        by_hand.push(hand);
    }
    say(&line("", &SCENARIOS.map(str::to_owned)));
    for (name, row) in ["by hand", "orch"].iter().zip(&rows) {
        print(name, row, &by_hand);
    }
    for peer in PEERS {
        match of(peer, valgrind) {
            Ok(row) => print(peer, &row, &by_hand),
            Err(failure) => say(&format!("{peer}: cannot be measured: {failure}")),
        }
    }
    Ok(())
}

/// The instructions of one peer, where it has the scenario.
fn of(peer: &str, valgrind: &Valgrind) -> Result<Vec<Option<u64>>, Failure> {
    let folder = root().join("bench/peers");
    let target = root().join("target/peers");
    // One of them declares a newer Rust than it needs.
    let flags =
        ["build", "--release", "--quiet", "--locked", "--ignore-rust-version", "--no-default-features"];
    let mut build = cargo();
    build.current_dir(&folder).args(flags).args(["--features", peer, "--target-dir"]).arg(&target);
    crate::run(&mut build)?;
    let program = target.join("release/peers");
    let listed = Command::new(&program).output().map_err(|error| error.to_string())?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    SCENARIOS
        .iter()
        .map(|scenario| {
            let line = listed.lines().map(|line| line.split(' ').collect::<Vec<_>>());
            match line.into_iter().find(|fields| fields.get(1) == Some(scenario)) {
                Some(fields) => {
                    cost::instructions(valgrind, &program, &[fields[0], scenario], "peers::measured")
                        .map(Some)
                }
                None => Ok(None),
            }
        })
        .collect()
}

fn print(name: &str, row: &[Option<u64>], by_hand: &[u64]) {
    let cells = row.iter().zip(by_hand).map(|(count, hand)| match count {
        Some(count) => format!("{count} ({:.1}x)", *count as f64 / *hand as f64),
        None => "-".to_owned(),
    });
    say(&line(name, &cells.collect::<Vec<_>>()));
}

fn line(name: &str, cells: &[String]) -> String {
    cells.iter().fold(format!("{name:<11}"), |line, cell| format!("{line} {cell:>18}"))
}
