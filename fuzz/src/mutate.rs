//! Programs that are nearly right: a right one, damaged token by token.

use proc_macro2::{Group, TokenStream, TokenTree};

/// The most that is done to one program.
const MOST_CHANGES: usize = 12;

/// What may stand where it does not belong.
const WORDS: [&str; 48] = [
    "let",
    "else",
    "if",
    "match",
    "for",
    "in",
    "while",
    "loop",
    "return",
    "break",
    "continue",
    "async",
    "await",
    "move",
    "mut",
    "ref",
    "fn",
    "pub",
    "impl",
    "dyn",
    "where",
    "self",
    "Self",
    "_",
    "x",
    "desk",
    "Intent",
    "r#type",
    "retry",
    "timeout",
    "when",
    "or",
    "hedge",
    "cache",
    "limit",
    "effect",
    "flow",
    "stream",
    "name",
    "max",
    "deadline",
    "200ms",
    "5s",
    "0",
    "18446744073709551616s",
    "\"text\"",
    "'a",
    "'c'",
];
const MARKS: [&str; 32] = [
    ".",
    "..",
    "..=",
    ",",
    ";",
    ":",
    "::",
    "=",
    "==",
    "=>",
    "->",
    "?",
    "!",
    "&",
    "&&",
    "|",
    "||",
    "#",
    "@",
    "$",
    "+",
    "-",
    "*",
    "/",
    "<",
    ">",
    "()",
    "{}",
    "[]",
    "#[retry(3)]",
    ".await",
    ".await?",
];

/// Reads numbers out of what the fuzzer gives.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> Option<usize> {
        let (first, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        Some(usize::from(u16::from_le_bytes(*first)) % bound.max(1))
    }
}

/// One of `seeds`, changed as `data` says; `None` when the data are too short or say what is no token.
pub(crate) fn damaged(seeds: &[&str], data: &[u8]) -> Option<TokenStream> {
    let mut choices = Choices(data);
    let seed = seeds[choices.below(seeds.len())?];
    let mut tokens: TokenStream = seed.parse().ok()?;
    for _ in 0..MOST_CHANGES {
        let count = count(&tokens);
        let Some(at) = choices.below(count + 1) else { break };
        let Some(how) = choices.below(6) else { break };
        let new: TokenStream = match choices.below(WORDS.len() + MARKS.len())? {
            word if word < WORDS.len() => WORDS[word].parse().ok()?,
            mark => MARKS[mark - WORDS.len()].parse().ok()?,
        };
        let mut seen = 0;
        tokens = change(tokens, at, &mut seen, how, &new);
    }
    Some(tokens)
}

fn count(tokens: &TokenStream) -> usize {
    let inside = |token: TokenTree| match token {
        TokenTree::Group(group) => 1 + count(&group.stream()),
        _ => 1,
    };
    tokens.clone().into_iter().map(inside).sum()
}

/// Changes the token number `at`, counted with all groups opened.
fn change(tokens: TokenStream, at: usize, seen: &mut usize, how: usize, new: &TokenStream) -> TokenStream {
    let mut out = TokenStream::new();
    for token in tokens {
        let here = *seen == at;
        *seen += 1;
        let token = match token {
            TokenTree::Group(group) => {
                let inside = change(group.stream(), at, seen, how, new);
                TokenTree::Group(Group::new(group.delimiter(), inside))
            }
            other => other,
        };
        match (here, how) {
            (true, 0) => {}
            (true, 1) => out.extend([token.clone(), token]),
            (true, 2) => out.extend(new.clone()),
            (true, 3) => {
                out.extend(new.clone());
                out.extend([token]);
            }
            // What was inside stands free, or what follows moves inside.
            (true, 4) => match token {
                TokenTree::Group(group) => out.extend(group.stream()),
                other => out.extend([TokenTree::Group(Group::new(
                    proc_macro2::Delimiter::Brace,
                    TokenStream::from(other),
                ))]),
            },
            (true, _) => {
                out.extend([token]);
                out.extend(new.clone());
            }
            (false, _) => out.extend([token]),
        }
    }
    out
}
