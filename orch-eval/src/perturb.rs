//! Inputs as people write them: in a hurry, politely, loudly. A router should not mind.

/// A way to write a text otherwise without meaning anything else.
///
/// ```
/// use orch_eval::Perturbation;
///
/// assert_eq!(Perturbation::Capitals.of("where is it"), "WHERE IS IT");
/// assert_ne!(Perturbation::OneSlip.of("where is it"), "where is it");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Perturbation {
    /// A slip of the keyboard in one long word: neighbours exchanged, a letter too few, or one too many.
    OneSlip,
    /// A slip in every long word.
    EverySlip,
    /// Words of courtesy around it.
    Courtesy,
    /// With words around it that say nothing of the request, other than the courtesies a router may know.
    Chatter,
    /// Capitals throughout.
    Capitals,
    /// No punctuation.
    NoPunctuation,
    /// Spaces twice as wide, and around it.
    Spaces,
}

/// Words with more letters than this are long.
const SHORT: usize = 4;

impl Perturbation {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::OneSlip,
        Self::EverySlip,
        Self::Courtesy,
        Self::Chatter,
        Self::Capitals,
        Self::NoPunctuation,
        Self::Spaces,
    ];

    /// What it is called in reports, and as a tag.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OneSlip => "a slip in one long word",
            Self::EverySlip => "a slip in every long word",
            Self::Courtesy => "courtesy",
            Self::Chatter => "chatter",
            Self::Capitals => "capitals",
            Self::NoPunctuation => "no punctuation",
            Self::Spaces => "wide spaces",
        }
    }

    /// The text written so. The same text always gives the same.
    #[must_use]
    pub fn of(self, text: &str) -> String {
        match self {
            Self::OneSlip => slips(text, 1),
            Self::EverySlip => slips(text, usize::MAX),
            Self::Courtesy => format!("hi, could you please {text} thanks a lot"),
            Self::Chatter => format!("sorry to take your time but {text} it would help me a lot"),
            Self::Capitals => text.to_uppercase(),
            Self::NoPunctuation => text.chars().filter(|letter| !letter.is_ascii_punctuation()).collect(),
            Self::Spaces => format!("  {}  ", text.split(' ').collect::<Vec<_>>().join("  ")),
        }
    }
}

/// Slips in the first so many long words; which, the word says.
fn slips(text: &str, most: usize) -> String {
    let mut left = most;
    let words = text.split(' ').map(|word| {
        let mut letters: Vec<char> = word.chars().collect();
        if letters.len() <= SHORT || left == 0 {
            return word.to_owned();
        }
        left -= 1;
        let hash =
            word.bytes().fold(17_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(byte)));
        let at = 1 + hash / 3 % (letters.len() - 2);
        match hash % 3 {
            // Equal neighbours exchanged are no slip.
            0 if letters[at] != letters[at + 1] => letters.swap(at, at + 1),
            1 => drop(letters.remove(at)),
            _ => letters.insert(at, letters[at]),
        }
        letters.into_iter().collect()
    });
    words.collect::<Vec<String>>().join(" ")
}

/// Texts that say what `text` says: one to three of the perturbations, one after the other, for property tests of one's
/// own routers.
///
/// ```
/// use orch_eval::written_otherwise;
/// use proptest::prelude::*;
///
/// proptest!(ProptestConfig::with_cases(16), |(text in written_otherwise("where is my refund"))| {
///     prop_assert!(!text.trim().is_empty());
/// });
/// ```
#[cfg(feature = "proptest")]
pub fn written_otherwise(text: &str) -> impl proptest::strategy::Strategy<Value = String> + use<> {
    use proptest::strategy::Strategy as _;
    let text = text.to_owned();
    proptest::sample::subsequence(Perturbation::ALL.to_vec(), 1..=3).prop_map(move |which| {
        which.into_iter().fold(text.clone(), |text, perturbation| perturbation.of(&text))
    })
}
