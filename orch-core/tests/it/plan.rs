//! The plan: the same graph as constant data.

use orch_core::plan::{Kind, Policy};
use orch_core::{Result, Route, fan_out, route, workflow};
use serde_json::Value;

use crate::{after, sum};

#[derive(Route, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Way {
    Short,
    #[route(default)]
    Long,
}

workflow!(
    async fn inner(n: u32) -> Result<u32> {
        let a = after(1, n).await?;
        Ok(a)
    }
);

workflow!(
    async fn outer(way: Way, n: u32) -> Result<u32> {
        let a = after(1, n).await?;
        let plain = a + 1;
        #[retry(3, backoff = 200ms..5s)]
        #[timeout(10s)]
        let b = sum(1, &a, &plain).await?;
        let c = sum(1, &a, &a).await?;
        let routed = route!(match way {
            Way::Short => after(1, b),
            #[flow]
            Way::Long => inner(c),
        })
        .await?;
        let both = fan_out!(left = after(1, routed), right = after(1, "\"quoted\"")).await?;
        #[max(3)]
        loop {
            let done = after(1, true).await?;
            if done {
                break;
            }
        }
        Ok(both.left)
    }
);

// The plan is known at compile time.
const _: () = assert!(outer::PLAN.graph.steps.len() == 6);

#[test]
fn edges_are_what_a_step_waits_for_and_no_more() {
    let graph = outer::PLAN.graph;
    let names: Vec<&str> = graph.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["after", "sum", "sum", "routed", "both", "loop"]);
    assert_eq!(graph.edges, [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 5)]);
}

#[test]
fn policies_kinds_and_children_are_in_it() {
    let steps = outer::PLAN.graph.steps;
    let [Policy::Retry { attempts, shortest_wait_ms, longest_wait_ms }, timeout] = steps[1].policies else {
        panic!("{:?}", steps[1].policies);
    };
    assert_eq!((*attempts, *shortest_wait_ms, *longest_wait_ms), (3, 200, 5_000));
    assert_eq!(*timeout, Policy::Timeout { attempt_ms: Some(10_000), total_ms: None });
    assert_eq!(steps[3].kind, Kind::Route);
    assert_eq!(steps[3].children[1].label, "Way::Long");
    assert_eq!(steps[3].children[1].steps[0].kind, Kind::Flow(inner::PLAN));
    assert_eq!(steps[4].children.iter().map(|child| child.label).collect::<Vec<_>>(), ["left", "right"]);
    assert_eq!((steps[5].kind, steps[5].policies), (Kind::Loop, &[Policy::Max { rounds: 3 }][..]));
    assert_eq!(outer::PLAN.step(&[3, 1, 0]).name, "inner");
}

workflow!(
    #[deadline(100s)]
    async fn timed(way: Way, n: u32) -> Result<u32> {
        #[timeout(5s)]
        let a = after(1, n).await?;
        #[retry(3, backoff = 1s..2s)]
        #[timeout(4s)]
        let b = after(1, n).await?;
        let c = route!(match way {
            #[timeout(1s)]
            Way::Short => after(1, a),
            #[timeout(7s)]
            #[hedge(after = 1s)]
            Way::Long => after(1, b),
        })
        .await?;
        #[max(3)]
        loop {
            #[timeout(2s)]
            let done = after(1, true).await?;
            if done {
                break;
            }
        }
        Ok(c)
    }
);

// 3 * 4 + 2 * 2 for the retried step, 7 for the longer arm, 3 * 2 for the loop.
const _: () = assert!(timed::PLAN.worst_latency_ms() == 16_000 + 7_000 + 6_000);
const _: () = assert!(timed::PLAN.worst_attempts() == 1 + 3 + 2 + 3);
const _: () = assert!(outer::PLAN.worst_latency_ms() == u64::MAX);

workflow!(
    async fn around(n: u32) -> Result<u32> {
        #[flow]
        let a = timed(Way::Short, n).await?;
        let all = fan_out!(for i in 0..a {
            after(1, i)
        })
        .await?;
        Ok(a + u32::try_from(all.len())?)
    }
);

const _: () = assert!(around::PLAN.worst_attempts() == u32::MAX);

#[test]
fn graphviz_gets_a_cluster_for_each_step_with_others_inside() {
    let dot = outer::PLAN.dot();
    assert!(dot.starts_with("digraph \"outer\" {\n"));
    for line in ["subgraph cluster_s3 {", "s3 -> s3_1_0 [style=dashed, label=\"Way::Long\"];", "s0 -> s1;"] {
        assert!(dot.contains(line), "{line} is not in\n{dot}");
    }
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
}

#[test]
fn the_json_is_json() {
    let json: Value = serde_json::from_str(&outer::PLAN.to_json()).unwrap();
    assert_eq!(json["name"], "outer");
    assert_eq!(json["edges"][5], serde_json::json!([4, 5]));
    assert_eq!(json["steps"][3]["children"][1]["steps"][0]["children"][0]["steps"][0]["name"], "after");
    assert_eq!(json["steps"][1]["policies"][0]["policy"], "retry");
}

#[test]
fn the_diagram_has_a_node_for_each_step() {
    let diagram = outer::PLAN.mermaid();
    assert!(diagram.starts_with("flowchart TD\n"));
    for line in [
        "s0[\"after\"]",
        "s1[\"sum (retry 3, timeout 10s)\"]",
        "subgraph s3[\"routed\"]",
        "s3_ -- \"Way::Long\" --> s3_1_0",
        "s3_1_0_0_0[\"after\"]",
        "s1 --> s3",
        "subgraph s5[\"loop (at most 3)\"]",
    ] {
        assert!(diagram.contains(line), "{line} is not in\n{diagram}");
    }
    assert_eq!(
        diagram.matches("subgraph").count(),
        diagram.matches("\n  end").count() + diagram.matches("\n    end").count()
    );
}

/// Mermaid's own parser reads the diagram. `cargo xtask tools` installs it.
#[test]
fn mermaid_reads_the_diagram() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    let tools = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tools/mermaid");
    if !tools.join("node_modules/mermaid").exists() {
        assert!(std::env::var_os("CI").is_none(), "mermaid is not installed; run `cargo xtask tools`");
        eprintln!("skipped: mermaid is not installed; run `cargo xtask tools`");
        return;
    }
    for diagram in [outer::PLAN.mermaid(), inner::PLAN.mermaid()] {
        let mut node = Command::new("node")
            .arg("check.mjs")
            .current_dir(&tools)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        node.stdin.take().unwrap().write_all(diagram.as_bytes()).unwrap();
        let output = node.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "flowchart-v2", "{diagram}");
    }
}

/// The numbers of one attribute of each element of a kind.
fn numbers(svg: &roxmltree::Document<'_>, tag: &str, names: [&str; 4]) -> Vec<[i64; 4]> {
    let all = svg
        .descendants()
        .filter(|node| node.has_tag_name(tag) && !node.ancestors().any(|up| up.has_tag_name("defs")));
    all.map(|node| names.map(|name| node.attribute(name).unwrap().parse().unwrap())).collect()
}

#[test]
fn the_svg_is_one_whole_picture() {
    for plan in [outer::PLAN, inner::PLAN, timed::PLAN, around::PLAN] {
        let svg = plan.svg();
        let document = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
        let root = document.root_element();
        let (width, height): (i64, i64) = (
            root.attribute("width").unwrap().parse().unwrap(),
            root.attribute("height").unwrap().parse().unwrap(),
        );
        let boxes = numbers(&document, "rect", ["x", "y", "width", "height"]);
        for (index, [x, y, w, h]) in boxes.iter().enumerate() {
            assert!(
                *x >= 0 && *y >= 0 && x + w <= width && y + h <= height,
                "a box leaves the picture\n{svg}"
            );
            for [ox, oy, ow, oh] in &boxes[..index] {
                let apart = x + w <= *ox || ox + ow <= *x || y + h <= *oy || oy + oh <= *y;
                let inside = ox <= x && oy <= y && x + w <= ox + ow && y + h <= oy + oh;
                assert!(apart || inside, "two boxes overlap\n{svg}");
            }
        }
        assert!(!svg.contains("script") && !svg.contains("href"), "it needs nothing else");
    }
    let svg = outer::PLAN.svg();
    assert!(svg.contains("sum</text>") && svg.contains("retry 3, timeout 10s") && svg.contains("Way::Long"));
}
