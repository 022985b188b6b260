//! A plan as a picture that needs nothing else: one SVG, no script, no font, no network.
//!
//! A graph is drawn in layers, after Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical
//! System Structures", 1981: a step stands below all it waits for, edges that pass a layer get a place in it, and
//! the order in a layer is moved towards the mean of the neighbours. A step with others inside is a box around
//! their graphs.

use std::fmt::Write as _;

use super::render::notes;
use super::{Graph, Plan, Step};

/// All lengths are in pixels.
const MARGIN: i32 = 16;
const GAP_ACROSS: i32 = 24;
const GAP_DOWN: i32 = 36;
const PADDING: i32 = 12;
const TITLE: i32 = 18;
const NOTE: i32 = 14;
/// About the width of a letter of the title, and of a note.
const TITLE_LETTER: i32 = 8;
const NOTE_LETTER: i32 = 7;
/// How often the order in the layers is improved.
const SWEEPS: usize = 8;

/// Follows the colours the reader prefers.
const STYLE: &str = "\
    text{font-family:system-ui,sans-serif;font-size:13px;fill:#1b1f24;text-anchor:middle}\
    .note,.label{font-size:11px;fill:#57606a}.label{text-anchor:start}\
    rect{fill:#fff;stroke:#57606a;rx:6px}.inside{fill:#888;fill-opacity:.1;stroke-dasharray:3}\
    path{fill:none;stroke:#57606a}marker path{fill:#57606a}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.note,.label{fill:#9da7b1}\
    rect{fill:#161b22;stroke:#9da7b1}.inside{fill:#888}path{stroke:#9da7b1}marker path{fill:#9da7b1}}";

impl Plan {
    /// The graph as a self-contained SVG.
    #[must_use]
    pub fn svg(&self) -> String {
        let picture = Picture::of_graph(&self.graph);
        let (width, height) = (picture.width + 2 * MARGIN, picture.height + 2 * MARGIN);
        let name = escaped(self.name);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-label=\"{name}\">\n<title>{name}</title>\n<style>{STYLE}</style>\n\
             <defs><marker id=\"end\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" \
             markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n"
        );
        picture.draw(&mut out, MARGIN, MARGIN);
        out.push_str("</svg>\n");
        out
    }
}

/// A graph, laid out.
struct Picture {
    width: i32,
    height: i32,
    boxes: Vec<Placed>,
    /// The corners of each edge, from its step to its step.
    edges: Vec<Vec<(i32, i32)>>,
}

/// A step, and where its upper left corner is.
struct Placed {
    x: i32,
    y: i32,
    shape: Shape,
}

/// A step as a box.
struct Shape {
    width: i32,
    height: i32,
    name: String,
    notes: String,
    /// The graphs inside, each with its label and where it begins across.
    inside: Vec<(String, i32, Picture)>,
}

/// What has a place in a layer: a step, or an edge that passes.
struct Node {
    layer: usize,
    width: i32,
    height: i32,
    x: i32,
    /// The nodes above it and below it that it is joined to.
    above: Vec<usize>,
    below: Vec<usize>,
}

impl Shape {
    fn of(step: &Step) -> Self {
        let notes = notes(step);
        let letters = |text: &str| i32::try_from(text.chars().count()).unwrap_or(i32::MAX / 16);
        let words = (letters(step.name) * TITLE_LETTER).max(letters(&notes) * NOTE_LETTER);
        let mut height = PADDING + TITLE + if notes.is_empty() { 0 } else { NOTE };
        let mut inside = Vec::new();
        let (mut across, mut tallest) = (PADDING, 0);
        for graph in step.inside() {
            let picture = Picture::of_graph(graph);
            // A branch of one step is named as the step is.
            let label = match graph.steps {
                [only] if only.name == graph.label => "",
                _ => graph.label,
            };
            let width = picture.width.max(letters(label) * NOTE_LETTER);
            tallest = tallest.max(picture.height + if label.is_empty() { 0 } else { NOTE + 4 });
            inside.push((label.to_owned(), across, picture));
            across += width + GAP_ACROSS;
        }
        let within = if inside.is_empty() { 0 } else { across - GAP_ACROSS + PADDING };
        if !inside.is_empty() {
            height += tallest + PADDING;
        }
        Self { width: within.max(words + 2 * PADDING), height, name: step.name.to_owned(), notes, inside }
    }

    fn draw(&self, out: &mut String, x: i32, y: i32) {
        let (width, height) = (self.width, self.height);
        let class = if self.inside.is_empty() { "" } else { " class=\"inside\"" };
        let _ = writeln!(
            out,
            "<rect{class} x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
        );
        let middle = x + width / 2;
        let _ = writeln!(out, "<text x=\"{middle}\" y=\"{}\">{}</text>", y + 19, escaped(&self.name));
        let mut top = y + PADDING + TITLE;
        if !self.notes.is_empty() {
            let notes = escaped(&self.notes);
            let _ = writeln!(out, "<text class=\"note\" x=\"{middle}\" y=\"{}\">{notes}</text>", top + 4);
            top += NOTE;
        }
        for (label, across, picture) in &self.inside {
            let mut top = top;
            if !label.is_empty() {
                let label = escaped(label);
                let _ = writeln!(
                    out,
                    "<text class=\"label\" x=\"{}\" y=\"{}\">{label}</text>",
                    x + across,
                    top + 10
                );
                top += NOTE + 4;
            }
            picture.draw(out, x + across, top);
        }
    }
}

impl Picture {
    fn of_graph(graph: &Graph) -> Self {
        let shapes: Vec<Shape> = graph.steps.iter().map(Shape::of).collect();
        let mut nodes: Vec<Node> = shapes
            .iter()
            .map(|shape| Node {
                layer: 0,
                width: shape.width,
                height: shape.height,
                x: 0,
                above: Vec::new(),
                below: Vec::new(),
            })
            .collect();
        // Every edge goes from a lower to a higher number, so one pass in order finds the longest way to each.
        for step in 0..nodes.len() {
            let above = graph.edges.iter().filter(|(_, to)| *to == step);
            nodes[step].layer = above.map(|(from, _)| nodes[*from].layer + 1).max().unwrap_or(0);
        }
        let ways: Vec<Vec<usize>> = graph.edges.iter().map(|edge| thread(&mut nodes, *edge)).collect();
        let layers = arrange(&mut nodes);
        let width = nodes.iter().map(|node| node.x + node.width).max().unwrap_or(0);
        let mut tops = Vec::with_capacity(layers.len());
        let mut height = 0;
        for layer in &layers {
            tops.push(height);
            height += layer.iter().map(|node| nodes[*node].height).max().unwrap_or(0) + GAP_DOWN;
        }
        let heights: Vec<i32> = layers
            .iter()
            .map(|layer| layer.iter().map(|node| nodes[*node].height).max().unwrap_or(0))
            .collect();
        let corners = |way: Vec<usize>| {
            let last = way.len() - 1;
            let mut corners = Vec::with_capacity(2 * way.len());
            for (index, node) in way.into_iter().enumerate() {
                let Node { layer, width, height, x, .. } = &nodes[node];
                let (across, top) = (x + width / 2, tops[*layer]);
                match index {
                    0 => corners.push((across, top + height)),
                    _ if index == last => corners.push((across, top)),
                    // Straight past what stands in the layer.
                    _ => corners.extend([(across, top), (across, top + heights[*layer])]),
                }
            }
            corners
        };
        let edges = ways.into_iter().map(corners).collect();
        let boxes = shapes
            .into_iter()
            .zip(&nodes)
            .map(|(shape, node)| Placed { x: node.x, y: tops[node.layer], shape })
            .collect();
        Self { width, height: (height - GAP_DOWN).max(0), boxes, edges }
    }

    fn draw(&self, out: &mut String, x: i32, y: i32) {
        for points in &self.edges {
            let mut path = String::new();
            for (index, &(px, py)) in points.iter().enumerate() {
                let (px, py) = (x + px, y + py);
                if index == 0 {
                    let _ = write!(path, "M{px} {py}");
                } else {
                    let (before_x, before_y) = (x + points[index - 1].0, y + points[index - 1].1);
                    let middle = i32::midpoint(before_y, py);
                    let _ = write!(path, "C{before_x} {middle} {px} {middle} {px} {py}");
                }
            }
            let _ = writeln!(out, "<path d=\"{path}\" marker-end=\"url(#end)\"/>");
        }
        for Placed { x: across, y: down, shape } in &self.boxes {
            shape.draw(out, x + across, y + down);
        }
    }
}

/// Gives an edge a place in each layer it passes; the nodes it goes through, its ends included.
fn thread(nodes: &mut Vec<Node>, (from, to): (usize, usize)) -> Vec<usize> {
    let mut way = vec![from];
    for layer in nodes[from].layer + 1..nodes[to].layer {
        nodes.push(Node {
            layer,
            width: GAP_ACROSS / 2,
            height: 0,
            x: 0,
            above: Vec::new(),
            below: Vec::new(),
        });
        way.push(nodes.len() - 1);
    }
    way.push(to);
    for pair in way.windows(2) {
        nodes[pair[0]].below.push(pair[1]);
        nodes[pair[1]].above.push(pair[0]);
    }
    way
}

/// Orders the nodes of each layer and places them across.
fn arrange(nodes: &mut [Node]) -> Vec<Vec<usize>> {
    let count = nodes.iter().map(|node| node.layer + 1).max().unwrap_or(0);
    let mut layers = vec![Vec::new(); count];
    for (index, node) in nodes.iter().enumerate() {
        layers[node.layer].push(index);
    }
    let spread = |nodes: &mut [Node], layer: &[usize]| {
        let mut x = 0;
        for &index in layer {
            nodes[index].x = x;
            x += nodes[index].width + GAP_ACROSS;
        }
        let width = x - GAP_ACROSS;
        for &index in layer {
            nodes[index].x -= width / 2;
        }
    };
    for layer in &layers {
        spread(nodes, layer);
    }
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        for at in 0..count {
            let layer = &mut layers[if down { at } else { count - 1 - at }];
            layer.sort_by_key(|&index| {
                let node = &nodes[index];
                let joined = if down { &node.above } else { &node.below };
                let middles = joined.iter().map(|other| nodes[*other].x + nodes[*other].width / 2);
                let own = node.x + node.width / 2;
                i32::try_from(joined.len())
                    .ok()
                    .filter(|count| *count > 0)
                    .map_or(own, |count| middles.sum::<i32>() / count)
            });
            spread(nodes, layer);
        }
    }
    let left = nodes.iter().map(|node| node.x).min().unwrap_or(0);
    for node in nodes {
        node.x -= left;
    }
    layers
}

/// Text in an XML document, in an element or an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            letter if letter.is_control() => safe.push(' '),
            _ => safe.push(letter),
        }
    }
    safe
}
