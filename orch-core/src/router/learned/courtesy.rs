//! Courtesy around a request: it says nothing of the route, and must not decide it.
//!
//! Only what stands at the beginning and at the end is left out, only in English, and only where a request is left. The
//! examples a router is trained on are read as they are: there, a thank you may be all there is to a route.

/// What begins a request, longer phrases first.
const BEFORE: [&[&str]; 30] = [
    &["sorry", "to", "bother", "you"],
    &["sorry", "to", "trouble", "you"],
    &["sorry", "for", "bothering", "you"],
    &["could", "you", "please"],
    &["can", "you", "please"],
    &["would", "you", "please"],
    &["would", "you", "kindly"],
    &["could", "you", "kindly"],
    &["good", "morning"],
    &["good", "afternoon"],
    &["good", "evening"],
    &["good", "day"],
    &["hi", "there"],
    &["hello", "there"],
    &["hey", "there"],
    &["excuse", "me"],
    &["dear", "sir"],
    &["dear", "madam"],
    &["dear", "team"],
    &["dear", "all"],
    &["hello", "team"],
    &["hi", "team"],
    &["hi", "all"],
    &["hi"],
    &["hello"],
    &["hey"],
    &["please"],
    &["pls"],
    &["plz"],
    &["kindly"],
];
/// What ends a request, longer phrases first.
const AFTER: [&[&str]; 22] = [
    &["i", "would", "appreciate", "it"],
    &["i", "would", "appreciate", "your", "help"],
    &["have", "a", "nice", "day"],
    &["have", "a", "good", "day"],
    &["thank", "you", "kindly"],
    &["much", "appreciated"],
    &["thank", "you", "very", "much"],
    &["thank", "you", "so", "much"],
    &["thank", "you", "in", "advance"],
    &["thanks", "very", "much"],
    &["thanks", "so", "much"],
    &["thanks", "a", "lot"],
    &["thanks", "in", "advance"],
    &["many", "thanks"],
    &["thank", "you"],
    &["thanks"],
    &["thx"],
    &["cheers"],
    &["please"],
    &["pls"],
    &["plz"],
    &["kindly"],
];
/// With fewer words left, the courtesy may be the request.
const LEAST_LEFT: usize = 3;
/// Words beyond this are not a beginning.
const MOST_WORDS: usize = 400;

/// The request in a text.
pub(super) fn without_courtesy(text: &str) -> &str {
    let words: Vec<&str> = text
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(MOST_WORDS)
        .collect();
    let (mut first, mut last) = (0, words.len());
    let same = |phrase: &[&str], words: &[&str]| {
        phrase.len() == words.len() && phrase.iter().zip(words).all(|(a, b)| a.eq_ignore_ascii_case(b))
    };
    while let Some(phrase) =
        BEFORE.iter().find(|phrase| same(phrase, &words[first..(first + phrase.len()).min(last)]))
    {
        first += phrase.len();
    }
    // A text that goes on does not end where its words were counted.
    while let Some(phrase) = AFTER
        .iter()
        .filter(|_| words.len() < MOST_WORDS)
        .find(|phrase| same(phrase, &words[last.saturating_sub(phrase.len()).max(first)..last]))
    {
        last -= phrase.len();
    }
    if (first, last) == (0, words.len()) || last < first + LEAST_LEFT {
        return text;
    }
    let at = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    let end = words.get(last).map_or(text.len(), |word| at(word));
    text[at(words[first])..end].trim_end_matches([' ', ','])
}

#[cfg(test)]
mod tests {
    use super::without_courtesy;

    #[test]
    fn courtesy_goes_and_the_request_stays() {
        for (text, request) in [
            ("Hi, could you please block my card? Thanks a lot!", "block my card?"),
            ("Good morning! Where is my parcel? Have a nice day", "Where is my parcel?"),
            // How letters begin and end may be what tells them from other texts.
            ("Where is my parcel? Kind regards", "Where is my parcel? Kind regards"),
            ("sorry to bother you, where is my parcel, much appreciated", "where is my parcel"),
            ("i would appreciate it", "i would appreciate it"),
            ("please tell me the time", "tell me the time"),
            ("where is my refund please", "where is my refund"),
            ("where is my refund", "where is my refund"),
            ("thank you very much", "thank you very much"),
            ("hello there thanks", "hello there thanks"),
            ("hey, how are you", "how are you"),
            ("please", "please"),
            ("", ""),
            ("🙂 привет", "🙂 привет"),
        ] {
            assert_eq!(without_courtesy(text), request);
        }
        let huge = "please ".repeat(1 << 20);
        assert_eq!(without_courtesy(&huge).len(), huge.len());
    }
}
