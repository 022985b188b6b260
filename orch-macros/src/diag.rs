//! The error sink and the one table of messages.
//!
//! A message says what is wrong in the first line and what to do in the second. Each one has a UI test in
//! `orch-core/tests/ui`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};

/// Everything a macro can object to that rustc would not say itself.
#[derive(Debug)]
pub(crate) enum Problem {
    UnknownPolicy { found: String, nearest: Option<&'static str> },
    DuplicatePolicy { name: String },
    MalformedPolicy { name: &'static str, example: &'static str },
    MalformedDuration { found: String },
    EmptyRange,
    ZeroAttempts,
    NotAStep { policy: String },
    NeedsQuestionMark { policy: &'static str },
    RetryOfEffect,
    HedgeOfEffect,
    CacheOfEffect,
    DeadlineNeedsResult,
    ValueUnused { policy: &'static str },
    SeveralAwaits,
    FlowNeedsPath,
    UnusedStep { name: String },
    NeverRuns,
    UnboundedLoop,
    AwaitInClosure,
    AwaitInMacro,
    JumpInPolicy { policy: &'static str },
    NotAsync,
    SelfReceiver,
    NotAMatch,
    WildcardArm,
    BareBinding { name: String },
    NoArms,
    NoStages,
    NoBranches,
    StreamNeedsCall,
    HedgeOfStream,
    TotalBelowAttempt,
    HedgeAfterTimeout,
    DeadlineOnStep,
    PolicyInside { policy: String },
    PolicyOnPipeline { policy: String },
    ConditionInside,
    BareTraitOutput,
    EffectInFanOut,
    TooManyConditions,
    DuplicateField { name: String },
    KeywordField { name: String },
    StageNeedsHole,
    FunctionalUpdate,
    DeriveNeedsEnum,
    DeriveNeedsUnit,
    DeriveUnknownKey { found: String },
    DeriveNoDefault,
    DeriveTwoDefaults,
    DeriveDuplicateLabel { label: String },
    DeriveDuplicateKeyword { keyword: String, first: String },
    DeriveEmptyText { key: &'static str },
    EventNeedsEnum,
    EventKey,
    EventOn,
    EventUnhandled { name: String },
    ToolNotAsync,
    ToolNeedsResult,
    ToolReceiver,
    ToolLifetime,
    ToolPattern,
    ToolImplTrait,
    ToolNoDescription,
    ToolName { name: String },
    ToolPolicy { policy: String },
    ToolKey { found: String },
    ToolEffect { name: String },
    ToolReadsAndEffect,
}

impl Problem {
    /// What is wrong, and what to do about it.
    #[allow(clippy::too_many_lines, reason = "the one table of messages")]
    fn text(&self) -> (String, String) {
        let (what, help) = match self {
            Self::UnknownPolicy { found, nearest: Some(nearest) } => {
                (format!("there is no policy `{found}`"), format!("did you mean `{nearest}`?"))
            }
            Self::UnknownPolicy { found, nearest: None } => (
                format!("there is no policy `{found}`"),
                "the policies are `retry`, `timeout`, `when`, `or`, `hedge`, `cache`, `limit`, `effect`, `flow`, `stream`, \
                 `name` and `max`"
                    .to_owned(),
            ),
            Self::DuplicatePolicy { name } => {
                (format!("`{name}` is given twice on one step"), "keep one of them".to_owned())
            }
            Self::MalformedPolicy { name, example } => {
                (format!("`{name}` is not written like this"), format!("write it like `{example}`"))
            }
            Self::MalformedDuration { found } => (
                format!("`{found}` is not a duration"),
                "write a whole number and a unit: `200ms`, `30s` or `5m`".to_owned(),
            ),
            Self::EmptyRange => (
                "this backoff range is empty".to_owned(),
                "the first duration is the shortest wait, the second the longest: `200ms..5s`".to_owned(),
            ),
            Self::ZeroAttempts => (
                "a step with no attempts would never run".to_owned(),
                "the number counts all attempts, the first one too: `#[retry(3)]`".to_owned(),
            ),
            Self::NotAStep { policy } => (
                format!("`{policy}` is a policy, and this is not a step"),
                "a step has an `.await`; put the policy on a statement that awaits".to_owned(),
            ),
            Self::NeedsQuestionMark { policy } => {
                (format!("`{policy}` needs a step that can fail"), "end the step with `.await?`".to_owned())
            }
            Self::RetryOfEffect => (
                "a step with a side effect is not retried: it could take effect twice".to_owned(),
                "if doing it twice is the same as doing it once, say `#[effect(idempotent)]`".to_owned(),
            ),
            Self::HedgeOfEffect => (
                "a step with a side effect is not hedged: both attempts could take effect".to_owned(),
                "remove `hedge`, or `effect` if the step has none".to_owned(),
            ),
            Self::CacheOfEffect => (
                "a step with a side effect is not cached: on a hit it would not take effect".to_owned(),
                "remove `cache`, or `effect` if the step has none".to_owned(),
            ),
            Self::StreamNeedsCall => (
                "`stream` marks a call that gives a stream of tokens".to_owned(),
                "put it on the one call whose text comes in pieces".to_owned(),
            ),
            Self::HedgeOfStream => (
                "a step that streams is not hedged: the tokens of both attempts would mix".to_owned(),
                "remove `hedge` or `stream`; `timeout` bounds a slow stream".to_owned(),
            ),
            Self::TotalBelowAttempt => (
                "all attempts together are given less time than one of them".to_owned(),
                "make `total` the longer of the two: `#[timeout(10s, total = 30s)]`".to_owned(),
            ),
            Self::HedgeAfterTimeout => (
                "the attempt times out before the second one would start".to_owned(),
                "hedge earlier, or give the attempt more time".to_owned(),
            ),
            Self::DeadlineOnStep => (
                "a deadline belongs on the workflow, and all inside inherits it".to_owned(),
                "bound one step with `#[timeout(10s)]`".to_owned(),
            ),
            Self::EffectInFanOut => (
                "an effect keeps program order, and the branches of a fan-out have none".to_owned(),
                "make it a statement of its own, before or after".to_owned(),
            ),
            Self::BareTraitOutput => (
                "this is not the type of a value".to_owned(),
                "write what the workflow gives, like `-> Result<Reply>`".to_owned(),
            ),
            Self::PolicyInside { policy } => (
                format!("`{policy}` stands inside a statement, and a policy is for a whole one"),
                "give the step its own `let`, and put the policy on that".to_owned(),
            ),
            Self::PolicyOnPipeline { policy } => (
                format!("a pipeline in a pipeline is its stages, so `{policy}` has nothing to hold on to"),
                "put it on the stage it is for, or make the inner pipeline a function".to_owned(),
            ),
            Self::ConditionInside => (
                "a condition leaves out a statement or an arm of a workflow, and nothing smaller".to_owned(),
                "put the `cfg` on the whole statement, once with this and once without".to_owned(),
            ),
            Self::TooManyConditions => (
                "a workflow takes at most four different conditions on its steps".to_owned(),
                "put a `cfg` of its own on a function, and call that as a step".to_owned(),
            ),
            Self::DeadlineNeedsResult => (
                "a workflow with a deadline can fail, and this one's type does not say so".to_owned(),
                "let it give a `Result`".to_owned(),
            ),
            Self::ValueUnused { policy } => (
                format!("`{policy}` gives a value, and nothing uses it"),
                "bind it with `let value = ..`, or use an `if`".to_owned(),
            ),
            Self::SeveralAwaits => (
                "this step awaits more than once, so a policy on it has two meanings".to_owned(),
                "give each call its own `let`, and put the policy on the one it is for".to_owned(),
            ),
            Self::FlowNeedsPath => (
                "`flow` marks a call of another workflow by its name".to_owned(),
                "write `#[flow] let reply = answer(desk, ticket).await?;`".to_owned(),
            ),
            Self::UnusedStep { name } => (
                format!("nothing uses `{name}`, so this step runs for nothing"),
                "use the value, or drop the `let` if the call is made for its effect".to_owned(),
            ),
            Self::NeverRuns => (
                "this step can never run".to_owned(),
                "the statement above always leaves the workflow; remove one of the two".to_owned(),
            ),
            Self::UnboundedLoop => (
                "a loop with steps needs a bound, or it could run and bill for ever".to_owned(),
                "put `#[max(8)]` on the loop; going past it is an error".to_owned(),
            ),
            Self::AwaitInClosure => (
                "a step inside a closure is not part of the graph".to_owned(),
                "use a `for` loop, or `fan_out!(for item in items { .. })` to run them at once".to_owned(),
            ),
            Self::AwaitInMacro => (
                "a step inside a macro's arguments is not part of the graph".to_owned(),
                "give the call a `let` of its own, and name its value here".to_owned(),
            ),
            Self::JumpInPolicy { policy } => (
                format!("`{policy}` takes a value, and this may jump away instead"),
                "decide after the step: `let Ok(value) = step.await else { return .. };`".to_owned(),
            ),
            Self::NotAsync => ("a workflow is an `async fn`".to_owned(), "write `async fn`".to_owned()),
            Self::SelfReceiver => (
                "a workflow is a free function".to_owned(),
                "take what it needs as an argument: `desk: &Desk`".to_owned(),
            ),
            Self::NotAMatch => (
                "`route!` takes a `match`".to_owned(),
                "write `route!(match decision { Intent::Billing => billing(desk), .. })`".to_owned(),
            ),
            Self::WildcardArm => (
                "a wildcard would swallow every route added later".to_owned(),
                "name each route; a route nobody handles then fails the build here".to_owned(),
            ),
            Self::BareBinding { name } => (
                format!("`{name}` binds anything, so it would swallow every route added later"),
                format!("write the route's path, like `Intent::{name}`"),
            ),
            Self::NoArms => ("this route leads nowhere".to_owned(), "add an arm for each route".to_owned()),
            Self::NoStages => (
                "a pipeline needs at least one stage".to_owned(),
                "write `pipeline!(extract, classify)`".to_owned(),
            ),
            Self::NoBranches => (
                "a fan-out needs at least one branch".to_owned(),
                "write `fan_out!(risk = risk(&doc), mood = mood(&doc))`".to_owned(),
            ),
            Self::DuplicateField { name } => {
                (format!("the branch `{name}` is named twice"), "give each branch its own name".to_owned())
            }
            Self::KeywordField { name } => (
                format!("a branch is a field, and `{name}` is a keyword"),
                "give the branch another name".to_owned(),
            ),
            Self::StageNeedsHole => (
                "this stage does not say where the incoming value goes".to_owned(),
                "write `_` in its place, like `desk.search(_)`, or give a function's path".to_owned(),
            ),
            Self::FunctionalUpdate => (
                "a fan-out fills every field itself".to_owned(),
                "remove the `..`, and give each field its branch".to_owned(),
            ),
            Self::DeriveNeedsEnum => (
                "`Route` is derived for an enum: the closed set of routes".to_owned(),
                "declare the routes as `enum Intent { Billing, Technical, Other }`".to_owned(),
            ),
            Self::DeriveNeedsUnit => (
                "a route carries no data".to_owned(),
                "remove the fields; hand data to the handler in its arm".to_owned(),
            ),
            Self::DeriveUnknownKey { found } => (
                format!("`route` has no key `{found}`"),
                "the keys are `default`, `label`, `keywords`, `examples`, and `crate` on the enum".to_owned(),
            ),
            Self::DeriveNoDefault => (
                "no route is the default".to_owned(),
                "mark the route for everything else with `#[route(default)]`".to_owned(),
            ),
            Self::DeriveTwoDefaults => {
                ("two routes are the default".to_owned(), "keep `default` on one of them".to_owned())
            }
            Self::DeriveDuplicateLabel { label } => (
                format!("two routes have the label `{label}`"),
                "give one of them another: `#[route(label = \"..\")]`".to_owned(),
            ),
            Self::DeriveDuplicateKeyword { keyword, first } => (
                format!("the keyword `{keyword}` already leads to `{first}`"),
                "a keyword leads to one route; remove one of the two".to_owned(),
            ),
            Self::DeriveEmptyText { key } => {
                (format!("an empty text in `{key}` matches nothing"), "remove it".to_owned())
            }
            Self::EventNeedsEnum => (
                "`Event` is derived for an enum: all that can happen on a bus".to_owned(),
                "declare the events as `enum Document { Uploaded(File), Extracted(Text) }`".to_owned(),
            ),
            Self::EventKey => (
                "`event` is not written like this".to_owned(),
                "write what handlers work with, and what they give: `#[event(context = Archive, output = Page)]`".to_owned(),
            ),
            Self::EventOn => (
                "`on` is not written like this".to_owned(),
                "name the handlers: `#[on(extract, log)]`".to_owned(),
            ),
            Self::EventUnhandled { name } => (
                format!("nobody handles `{name}`, so what emits it would wait for nothing to happen"),
                "say who does: `#[on(extract)]`".to_owned(),
            ),
            Self::ToolNotAsync => ("a tool is an `async fn`".to_owned(), "write `async fn`".to_owned()),
            Self::ToolNeedsResult => (
                "a tool gives something back, or says that it failed".to_owned(),
                "let it give a `Result` of a value that can be serialised".to_owned(),
            ),
            Self::ToolReceiver => (
                "a tool is a free function".to_owned(),
                "take what it works on by reference, like `desk: &Desk`: the host lends it".to_owned(),
            ),
            Self::ToolLifetime => (
                "what a tool is lent has one lifetime, and it needs no name".to_owned(),
                "leave the lifetimes out".to_owned(),
            ),
            Self::ToolPattern => (
                "an argument of a tool needs a name: the model says it by that".to_owned(),
                "take it by name, and take it apart inside".to_owned(),
            ),
            Self::ToolImplTrait => (
                "what a model says must have one type".to_owned(),
                "name the type, or take it by reference if the host lends it".to_owned(),
            ),
            Self::ToolNoDescription => (
                "a model chooses a tool by what it says it does, and this one says nothing".to_owned(),
                "put a doc comment on it: what it does, and when to use it".to_owned(),
            ),
            Self::ToolName { name } => (
                format!("providers refuse the tool name `{name}`"),
                "use letters of ASCII, digits, `_` and `-`, 64 at most: `#[name(\"search\")]`".to_owned(),
            ),
            Self::ToolPolicy { policy } => (
                format!("`{policy}` is no policy of a tool"),
                "a tool takes `timeout`, `effect` and `name`; put the others on the step that runs the agent".to_owned(),
            ),
            Self::ToolKey { found } => (
                format!("`tool` has no key `{found}` with such a value"),
                "the keys are `reads`, `max_bytes = 4096` and `crate = path`".to_owned(),
            ),
            Self::ToolEffect { name } => (
                format!("nothing says whether `{name}` changes something, and an agent asks before such a call"),
                "write `#[tool(reads)]` if it only reads; else put `#[effect]` on it, or `#[effect(idempotent)]`".to_owned(),
            ),
            Self::ToolReadsAndEffect => (
                "a tool that only reads has no effect".to_owned(),
                "take away `reads` or `#[effect]`".to_owned(),
            ),
        };
        (what, help)
    }
}

/// Collects what is wrong, so that a user sees all of it at once.
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<(Span, Span, String)>,
    /// Whether the source had gaps that were filled to parse it: the filling must not reach rustc.
    pub(crate) gaps: bool,
}

impl Errors {
    /// Reports `problem` on the tokens of `at`.
    pub(crate) fn push(&mut self, at: impl ToTokens, problem: &Problem) {
        let (what, help) = problem.text();
        let (start, end) = ends(&at.to_token_stream());
        self.found.push((start, end, format!("{what}\n{help}")));
    }

    /// Reports a syntax error in syn's own words.
    pub(crate) fn syntax(&mut self, error: &syn::Error) {
        for one in error.clone() {
            self.found.push((one.span(), one.span(), one.to_string()));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The errors as `compile_error!` invocations, each followed by `separator`.
    pub(crate) fn emit(&self, separator: &TokenStream) -> TokenStream {
        self.found
            .iter()
            .map(|(start, end, message)| {
                // rustc underlines from the span of the first token to the span of the last.
                let head = quote_spanned!(*start=> ::core::compile_error!);
                let tail = quote_spanned!(*end=> { #message });
                quote::quote!(#head #tail #separator)
            })
            .collect()
    }
}

fn ends(tokens: &TokenStream) -> (Span, Span) {
    let mut spans = tokens.clone().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    (first, spans.last().unwrap_or(first))
}

/// The name in `known` that `found` was most likely meant to be, if any is close.
pub(crate) fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|name| (edit_distance(found, name), *name))
        .min()
        .filter(|(distance, name)| *distance <= name.len().max(found.len()) / 2)
        .map(|(_, name)| name)
}

/// Levenshtein's distance: the fewest insertions, deletions and substitutions.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typo_finds_the_name_it_was_meant_to_be() {
        let known = ["retry", "timeout", "when"];
        assert_eq!(nearest("rety", &known), Some("retry"));
        assert_eq!(nearest("timout", &known), Some("timeout"));
        assert_eq!(nearest("concurrency", &known), None);
    }
}
