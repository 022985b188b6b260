//! What the workflow works on.

/// A document in paragraphs.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// Its paragraphs, in order.
    pub paragraphs: Vec<String>,
}

impl Document {
    /// A document of a text: a blank line ends a paragraph.
    pub fn new(title: impl Into<String>, text: &str) -> Self {
        let paragraphs = text.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
        Self { title: title.into(), paragraphs: paragraphs.map(str::to_owned).collect() }
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.paragraphs.join("\n\n")
    }
}
