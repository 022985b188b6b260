//! Courtesy around a request: it says nothing of the route, and must not decide it.
//!
//! Only what stands at the beginning and at the end is left out, only in English, and only where a request is left. A
//! beginning is a run of words that say little, up to the last that speaks of courtesy alone; an end is such a run from
//! the first word on with which a courtesy begins. The examples a router is trained on are read as they are: there, a
//! thank you may be all there is to a route.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Words that speak of courtesy alone, where a text begins.
#[rustfmt::skip]
const OPENING: &[&str] = &[
    "hi", "hello", "hey", "hiya", "howdy", "greetings", "dear", "sorry", "apologies", "apologise", "apologize",
    "pardon", "excuse", "please", "pls", "plz", "kindly", "wondering", "hope", "hoping", "hopefully", "bother",
    "bothering", "mind", "favour", "favor", "sir", "madam", "maam",
];
/// Words that speak of courtesy, at the beginning, only in a clause of their own.
#[rustfmt::skip]
const CLAUSE: &[&str] = &[
    "thanks", "thank", "thx", "ty", "cheers", "appreciate", "appreciated", "grateful", "obliged", "help",
    "question", "doubt", "ask", "busy", "morning", "afternoon", "evening", "friend", "mate", "buddy",
];
/// What may follow an opening before the request begins.
#[rustfmt::skip]
const JOINTS: &[&str] = &[
    "there", "all", "team", "everyone", "but", "and", "so", "if", "you", "could", "can", "would", "help", "tell",
    "telling", "helping", "let", "me", "us", "know", "with", "that", "this",
];
/// Words that say little, and may stand among those that speak of courtesy.
#[rustfmt::skip]
const LITTLE: &[&str] = &[
    "i", "we", "you", "me", "us", "my", "your", "it", "its", "this", "that", "these", "be", "am", "is", "are",
    "was", "were", "been", "will", "would", "could", "can", "may", "might", "should", "do", "did", "have", "has",
    "had", "having", "get", "give", "take", "taking", "took", "make", "if", "but", "so", "and", "or", "for", "of",
    "in", "on", "at", "to", "from", "with", "a", "an", "the", "any", "some", "there", "here", "all", "just", "as",
    "ever", "again", "up", "by", "s", "m", "d", "ll", "re", "ve", "very", "really", "truly", "too", "not", "no",
    "help", "helping", "helpful", "helps", "assist", "assistance", "tell", "telling", "let", "know", "time", "day",
    "days", "week", "weekend", "morning", "afternoon", "evening", "night", "lot", "lots", "bit", "bunch", "million",
    "ton", "tons", "much", "many", "super", "great", "greatly", "good", "nice", "best", "kind", "kindness",
    "wonderful", "lovely", "awesome", "amazing", "brilliant", "fantastic", "happy", "glad", "advance", "moment",
    "minute", "second", "sec", "soon", "quick", "quickly", "asap", "possible", "whenever", "chance", "patience",
    "understanding", "attention", "reply", "response", "answer", "guidance", "effort", "efforts", "trouble", "well",
    "fine", "doing", "going", "today", "friend", "mate", "buddy", "guys", "folks", "everyone", "everybody", "team",
    "question", "silly", "stupid", "dumb", "big", "huge", "one", "thing", "more", "busy", "ok", "okay", "god",
    "bless", "care", "ya", "asking", "ask", "inconvenience", "disturb", "disturbing", "always", "keep", "rush",
    "hurry", "don", "t", "probably", "first", "now", "something", "someone", "somebody", "anyone", "anybody",
    "once",
];
/// Words with which a courtesy at the end begins, and what may stand before them.
#[rustfmt::skip]
const CLOSING: [(&[&str], &[&str]); 4] = [
    (
        &["thanks", "thank", "thx", "ty", "cheers", "please", "pls", "plz", "kindly", "sorry", "apologies"],
        &["many", "and", "ok", "okay", "so", "huge", "big", "a", "million", "my"],
    ),
    (
        &["appreciate", "appreciated", "grateful", "obliged"],
        &["i", "we", "would", "will", "d", "ll", "be", "am", "m", "is", "it", "that", "this", "much", "very", "really",
          "highly", "greatly", "truly", "so", "any", "help", "assistance", "your", "and", "all", "always"],
    ),
    (&["hope", "hoping"], &["i", "we", "m", "am", "and", "really", "just"]),
    (&["whenever"], &["just", "no", "rush", "hurry"]),
];
/// What a courtesy at the end may be about, before `would` or its short form.
const ABOUT: &[&str] = &["it", "that", "this", "which", "you", "i", "we"];
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
    let start = |word: usize| words.get(word).map_or(text.len(), |word| offset(text, word));
    let ends_clause = |word: usize| {
        let after = &text[start(word) + words[word].len()..start(word + 1)];
        after.contains(['.', ',', '!', '?', ';', ':', '-', '\n'])
    };
    // A text that goes on does not end where its words were counted, and courtesy as far as they go is no beginning.
    let goes_on = words.len() == MOST_WORDS;
    let last = if goes_on { words.len() } else { closing(&words) };
    let first = opening(&words[..last], ends_clause);
    if (first, last) == (0, words.len()) || goes_on && first + LEAST_LEFT == last {
        return text;
    }
    text[start(first)..start(last)].trim_end_matches([' ', ',', '-'])
}

fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

fn is_in(word: &str, list: &[&str]) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Every word of the three lists, by its length and first letter: nearly every text has a word that is in none, and it is
/// read each time a router decides.
static SAYING_LITTLE: LazyLock<HashMap<(usize, u8), Vec<&str>>> = LazyLock::new(|| {
    let mut words: HashMap<_, Vec<_>> = HashMap::new();
    for word in [LITTLE, OPENING, CLAUSE].into_iter().flatten() {
        words.entry((word.len(), word.as_bytes()[0])).or_default().push(*word);
    }
    words
});

fn says_little(word: &str) -> bool {
    let first = word.as_bytes().first().map_or(0, u8::to_ascii_lowercase);
    SAYING_LITTLE.get(&(word.len(), first)).is_some_and(|list| is_in(word, list))
}

/// Where the request begins.
fn opening(words: &[&str], ends_clause: impl Fn(usize) -> bool) -> usize {
    let (mut first, mut is_courteous) = (0, false);
    for (place, word) in words.iter().enumerate().take_while(|(_, word)| says_little(word)) {
        let speaks = is_in(word, OPENING);
        is_courteous |= speaks || is_in(word, CLAUSE);
        // What says little belongs to the courtesy when a clause ends with it.
        let ends = || ends_clause(place) || words.get(place + 1).is_some_and(|next| is_in(next, &["but"]));
        if !(speaks || is_courteous && ends()) {
            continue;
        }
        let joints = words[place + 1..].iter().take_while(|word| is_in(word, JOINTS)).count();
        for end in [place + 1, place + 1 + joints] {
            if words.len() >= end + LEAST_LEFT {
                first = end;
            }
        }
    }
    first
}

/// Where the request ends.
fn closing(words: &[&str]) -> usize {
    let run = words.iter().rev().take_while(|word| says_little(word)).count();
    let from = words.len() - run;
    let back_over = |place: usize, list: &[&str]| {
        place - words[from..place].iter().rev().take_while(|word| is_in(word, list)).count()
    };
    let next_is = |place: usize, list: &[&str]| words.get(place + 1).is_some_and(|word| is_in(word, list));
    for (place, word) in words.iter().enumerate().skip(from) {
        let begins = if let Some((_, before)) = CLOSING.iter().find(|(closing, _)| is_in(word, closing)) {
            back_over(place, before)
        } else if is_in(word, &["would", "d"]) && next_is(place, &["be", "help", "really", "make"]) {
            back_over(place, ABOUT)
        } else if is_in(word, &["have"]) && next_is(place, &["a", "an"])
            || is_in(word, &["if"]) && next_is(place, &["you", "it", "its", "possible", "that"])
        {
            place
        } else {
            continue;
        };
        if begins >= LEAST_LEFT {
            return begins;
        }
    }
    words.len()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (
                "I hope you are having a good day. How much is in my account, I'd be so grateful!",
                "How much is in my account",
            ),
            ("i know you are busy but where is my card if it's not too much trouble", "where is my card"),
            ("would you mind telling me where my card is, that would be great", "where my card is"),
            ("thanks for helping me with that issue", "thanks for helping me with that issue"),
            ("it has been a week. where is my card", "it has been a week. where is my card"),
            ("what is the best time", "what is the best time"),
        ] {
            assert_eq!(without_courtesy(text), request);
        }
        let huge = "please ".repeat(1 << 20);
        assert_eq!(without_courtesy(&huge).len(), huge.len());
    }
}
