//! Fills the gaps of half-written code, so that it parses; and takes the filling out again.

use proc_macro2::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};

/// What stands in a gap. No user writes this name.
pub(crate) const FILLER: &str = "__orch_missing";

/// Code with its gaps filled.
pub(crate) struct Repair {
    pub(crate) tokens: TokenStream,
    /// Whether a filler was put in; a missing `;` alone is not a gap.
    pub(crate) gaps: bool,
}

/// Fills the gaps in `tokens`: a member after `.` or `::`, an operand, an arm's body, a `;` before `let`.
pub(crate) fn fill(tokens: TokenStream) -> Repair {
    let mut gaps = false;
    let tokens = fill_stream(tokens, false, &mut gaps);
    Repair { tokens, gaps }
}

/// Takes the fillers out again where there are some.
pub(crate) fn strip_gaps(tokens: TokenStream, gaps: bool) -> TokenStream {
    if gaps { strip(tokens) } else { tokens }
}

/// Takes the fillers out again, so that rustc and the editor see what the user wrote.
fn strip(tokens: TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .filter(|token| !matches!(token, TokenTree::Ident(ident) if ident == FILLER))
        .map(|token| match token {
            TokenTree::Group(group) => {
                let mut stripped = Group::new(group.delimiter(), strip(group.stream()));
                stripped.set_span(group.span());
                stripped.into()
            }
            other => other,
        })
        .collect()
}

fn filler() -> TokenTree {
    Ident::new(FILLER, Span::call_site()).into()
}

fn punct(token: Option<&TokenTree>) -> Option<char> {
    match token {
        Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
        _ => None,
    }
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

fn fill_stream(tokens: TokenStream, arms: bool, gaps: &mut bool) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut filled = Vec::with_capacity(tokens.len() + 4);
    let mut after_match = false;
    let mut arm_start = 0;
    for (i, token) in tokens.iter().enumerate() {
        let (before, after) = (i.checked_sub(1).map(|i| &tokens[i]), tokens.get(i + 1));
        if is_word(Some(token), "let") && needs_semicolon(before) {
            filled.push(Punct::new(';', Spacing::Alone).into());
            after_match = false;
        }
        if is_word(Some(token), "match") {
            after_match = true;
        }
        match token {
            TokenTree::Group(group) => {
                let inside = after_match && group.delimiter() == Delimiter::Brace;
                let mut copy = Group::new(group.delimiter(), fill_stream(group.stream(), inside, gaps));
                copy.set_span(group.span());
                filled.push(copy.into());
                after_match &= !inside;
            }
            other => filled.push(other.clone()),
        }
        if lacks_operand(before, token, after) {
            filled.push(filler());
            *gaps = true;
        }
        if arms {
            let ends = punct(Some(token)) == Some(',') || after.is_none();
            if ends {
                let arm = &tokens[arm_start..=i];
                if !arm.is_empty() && !has_arrow(arm) {
                    let comma = (punct(Some(token)) == Some(',')).then(|| filled.pop()).flatten();
                    filled.push(Punct::new('=', Spacing::Joint).into());
                    filled.push(Punct::new('>', Spacing::Alone).into());
                    filled.push(filler());
                    filled.extend(comma);
                    *gaps = true;
                }
                arm_start = i + 1;
            } else if matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
                && has_arrow(&tokens[arm_start..i])
            {
                arm_start = i + 1;
            }
        }
    }
    filled.into_iter().collect()
}

fn needs_semicolon(before: Option<&TokenTree>) -> bool {
    match before {
        None => false,
        Some(TokenTree::Group(group)) => group.delimiter() == Delimiter::Parenthesis,
        Some(TokenTree::Punct(punct)) => !matches!(punct.as_char(), ';' | '&' | '|' | '(' | ':'),
        Some(TokenTree::Ident(ident)) => ident != "if" && ident != "while" && ident != "else",
        Some(TokenTree::Literal(_)) => true,
    }
}

/// Whether something must stand between `token` and `after`, and does not.
fn lacks_operand(before: Option<&TokenTree>, token: &TokenTree, after: Option<&TokenTree>) -> bool {
    let TokenTree::Punct(this) = token else {
        return false;
    };
    let ends_here = match after {
        None => true,
        Some(TokenTree::Punct(next)) => matches!(next.as_char(), ';' | ',' | '?'),
        Some(TokenTree::Ident(next)) => next == "let",
        Some(_) => false,
    };
    match this.as_char() {
        // Not part of a range.
        '.' => {
            punct(before) != Some('.')
                && punct(after) != Some('.')
                && !matches!(after, Some(TokenTree::Ident(next)) if next != "let")
                && !matches!(after, Some(TokenTree::Literal(_)))
        }
        ':' => punct(before) == Some(':') && ends_here,
        '=' | '&' | '+' | '*' | '/' | '%' => ends_here,
        '>' => punct(before) == Some('=') && ends_here,
        _ => false,
    }
}

fn has_arrow(tokens: &[TokenTree]) -> bool {
    tokens.windows(2).any(|pair| punct(Some(&pair[0])) == Some('=') && punct(Some(&pair[1])) == Some('>'))
}

#[cfg(test)]
mod tests {
    use super::{fill, strip};

    fn filled(source: &str) -> String {
        fill(source.parse().unwrap()).tokens.to_string()
    }

    #[test]
    fn gaps_are_filled_and_emptied_again() {
        for source in ["let x = desk . ;", "f (& , a)", "Intent ::", "match x { A =>  }"] {
            let filled = fill(source.parse().unwrap());
            assert!(filled.gaps, "{source}");
            let tokens: proc_macro2::TokenStream = source.parse().unwrap();
            assert_eq!(strip(filled.tokens).to_string(), tokens.to_string());
        }
    }

    #[test]
    fn an_arm_without_a_body_gets_one() {
        assert!(filled("match x { Intent::A , Intent::B => b() }").contains("Intent :: A => __orch_missing"));
        assert!(
            filled("match x { Intent::A => a(), Intent:: }").contains(":: __orch_missing => __orch_missing")
        );
    }

    #[test]
    fn a_missing_semicolon_is_put_before_the_next_let() {
        assert!(filled("let a = desk.rou let b = 1;").contains("rou ; let b"));
        assert!(!filled("if let Some(x) = y {}").contains(';'));
    }

    #[test]
    fn whole_code_is_left_alone() {
        let source = "let x = a [1 .. 2] ; f (a . b , c :: d) ; match x { A => 1 , B => { 2 } C => 3 }";
        let repair = fill(source.parse().unwrap());
        assert!(!repair.gaps);
        assert_eq!(
            repair.tokens.to_string(),
            source.parse::<proc_macro2::TokenStream>().unwrap().to_string()
        );
    }
}
