//! A step's policies as plain code around its call.
//!
//! From the outside in: `when` (in `step.rs`), `or`, `cache`, `retry`, `limit`, `timeout`, `hedge`, `stream`, the call. A hit in the
//! cache takes no permit and no attempt; every attempt takes a permit of its own and gives it back before the
//! wait; the bound on an attempt holds for both halves of a hedged one.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Lifetime;
use syn::spanned::Spanned;

use super::step::once;
use super::{Context, option, own, shown_at};
use crate::ir::Step;
use crate::parse::policy::Policies;

impl Context {
    /// A step whose `Err` leaves the block, with all its policies but `when`.
    pub(crate) fn fallible(&self, step: &Step) -> TokenStream {
        if !step.policies.needs_a_result() && step.policies.limit.is_none() {
            return self.one_attempt(step);
        }
        if step.policies.cache.is_some() {
            return self.cached(step);
        }
        let krate = &self.krate;
        let (entered, value) = (own("__entered"), own("__value"));
        let label = Lifetime::new("'__step", Span::mixed_site());
        let enter = self.enter(step);
        let inside = self.inside(step);
        let succeed = quote! {
            #krate::__private::Leave::done(#entered);
            break #label #value;
        };
        let attempts = self.attempts(step, &succeed, &self.give_up(step, &label));
        quote! {
            #label: {
                let #entered = #enter;
                #inside
                #attempts
            }
        }
    }

    /// What to do when the last attempt has failed: the fallback, or to leave.
    fn give_up(&self, step: &Step, label: &Lifetime) -> TokenStream {
        let blame = self.blame_attempts(step);
        let (krate, entered) = (&self.krate, own("__entered"));
        match &step.policies.or {
            Some(or) => quote! {{
                let _ = #blame;
                #krate::__private::Leave::replaced(&#entered);
                break #label #or;
            }},
            None => quote!(return ::core::result::Result::Err(#blame);),
        }
    }

    fn blame_attempts(&self, step: &Step) -> TokenStream {
        let (failed, retry) = (own("__failed"), own("__retry"));
        let made = if counts(&step.policies) { quote!(#retry.attempts(), #retry.elapsed()) } else { once() };
        self.blame(step, &quote!(#failed), &made)
    }

    /// A step whose value is looked up first. What fails is not kept, and so is not the fallback.
    fn cached(&self, step: &Step) -> TokenStream {
        let krate = &self.krate;
        let (entered, value, error) = (own("__entered"), own("__value"), own("__error"));
        let label = Lifetime::new("'__fill", Span::mixed_site());
        let Some(cache) = &step.policies.cache else { return TokenStream::new() };
        let (store, key, target) = (&cache.store, &cache.key, &self.error);
        let enter = self.enter(step);
        let inside = self.inside(step);
        let blame = self.blame_attempts(step);
        let attempts = self.attempts(
            step,
            &quote!(break #label #value;),
            &quote!(return ::core::result::Result::Err(#blame);),
        );
        let failed = match &step.policies.or {
            Some(or) => quote!({
                let _ = #error;
                #krate::__private::Leave::replaced(&#entered);
                #or
            }),
            None => quote!(return ::core::result::Result::Err(#error)),
        };
        quote! {{
            let #entered = #enter;
            #inside
            let #value = (#store).get_or_fill(#key, async {
                ::core::result::Result::Ok::<_, #target>(#label: { #attempts })
            }).await;
            match #value {
                ::core::result::Result::Ok(#value) => {
                    #krate::__private::Leave::done(#entered);
                    #value
                }
                ::core::result::Result::Err(#error) => #failed,
            }
        }}
    }

    /// The loop of attempts. `succeed` has the value in hand, `give_up` the error.
    fn attempts(&self, step: &Step, succeed: &TokenStream, give_up: &TokenStream) -> TokenStream {
        let krate = &self.krate;
        let (entered, failed, retry, wait) =
            (own("__entered"), own("__failed"), own("__retry"), own("__wait"));
        let (again, advice) = (own("__again"), own("__advice"));
        let schedule = self.schedule(step);
        let attempt = self.attempt(step, succeed);
        let describe = quote! {{
            #[allow(unused_imports)]
            use #krate::__private::{DescribeAny as _, DescribeDisplay as _};
            (&&#krate::__private::Description(&#failed)).describe()
        }};
        let tell = quote!(#krate::__private::Leave::retry(&#entered, #retry.attempts(), #describe););
        let follow = step.policies.retry.as_ref().map(|policy| {
            let limit = &policy.attempts;
            // Where there is a clock, it knows the bounds.
            let bounds = match (has_a_clock(&step.policies), self.observed) {
                (true, _) => None,
                (false, true) => {
                    let cx = own("__cx");
                    Some(quote!(, #limit, #cx.deadline()))
                }
                (false, false) => Some(quote!(, #limit, ::core::option::Option::None)),
            };
            // Written so that nothing is moved on one way and not on the other: rustc would note which at run time.
            quote! {
                let ::core::option::Option::Some(#wait) =
                    (if #again { #retry.next(#advice #bounds) } else { ::core::option::Option::None })
                else {
                    #give_up
                };
                #tell
                #wait.await;
            }
        });
        let after = follow.unwrap_or_else(|| give_up.clone());
        if !counts(&step.policies) {
            return quote! {
                let (#failed, #again, #advice) = #attempt;
                #after
            };
        }
        quote! {
            #[allow(unused_mut)]
            let mut #retry = #schedule;
            #[allow(clippy::never_loop)]
            loop {
                let (#failed, #again, #advice) = #attempt;
                #after
            }
        }
    }

    /// How many attempts there are, and until when.
    fn schedule(&self, step: &Step) -> TokenStream {
        let krate = &self.krate;
        let policies = &step.policies;
        if !has_a_clock(policies) {
            return quote!(#krate::__private::Attempts::first());
        }
        let mut schedule = match &policies.retry {
            Some(policy) => {
                let attempts = &policy.attempts;
                let (low, high) = policy.backoff.unwrap_or_default();
                quote!(#krate::__private::Retry::new(#attempts, #low, #high))
            }
            None => quote!(#krate::__private::Retry::new(1, 0, 0)),
        };
        if let Some(total) = policies.timeout.as_ref().and_then(|timeout| timeout.total) {
            schedule = quote!(#schedule.within(#total));
        }
        if self.observed && policies.retry.is_some() {
            let cx = own("__cx");
            schedule = quote!(#schedule.until(#cx.deadline()));
        }
        schedule
    }

    /// One attempt: leaves by `succeed`, or gives the error, whether another attempt makes sense, and what the error
    /// says about when.
    fn attempt(&self, step: &Step, succeed: &TokenStream) -> TokenStream {
        let krate = &self.krate;
        let (value, error, retry, again) = (own("__value"), own("__error"), own("__retry"), own("__again"));
        let policies = &step.policies;
        let (target, failed) = (&self.error, own("__failed"));
        let worth = policies.retry.as_ref().and_then(|policy| policy.when.as_ref());
        let worth = worth.map_or_else(
            || quote!(true),
            |when| quote_spanned!(when.span()=> #krate::__private::decide(&#error, #when)),
        );
        let advice = own("__advice");
        let ask = match policies.retry {
            Some(_) => quote! {{
                #[allow(unused_imports)]
                use #krate::__private::{AskAfter as _, AskAny as _};
                (&&#krate::__private::Asked(&#error)).advice()
            }},
            None => quote!(()),
        };
        let judge = |result: TokenStream| {
            quote! {
                match #result {
                    ::core::result::Result::Ok(#value) => { #succeed }
                    ::core::result::Result::Err(#error) => {
                        let (#again, #advice) = (#worth, #ask);
                        (<#target as ::core::convert::From<_>>::from(#error), #again, #advice)
                    }
                }
            }
        };
        let mut call = self.call(step);
        let mut adapted = step.adapt.is_none();
        if let Some(after) = policies.hedge {
            // A block of its own, so that what the call borrows from temporaries lives as long as it does.
            let inner = Self::adapted(step, &quote_spanned!(step.span=> #call.await));
            adapted = true;
            call = quote!(#krate::__private::hedged(#after, || async { #inner }));
        }
        // A permit is given back as soon as the call has ended.
        let held = |awaited: TokenStream| Self::with_permit(step, awaited);
        let finish = |awaited: TokenStream| if adapted { awaited } else { Self::adapted(step, &awaited) };
        let Some(timeout) = &policies.timeout else {
            return judge(held(finish(quote_spanned!(step.span=> #call.await))));
        };
        let inner = judge(finish(quote!(#value)));
        // An error type that cannot take a timeout is the policy's business.
        let at = policies.given("timeout").map_or(step.span, Ident::span);
        let shown = shown_at(&error.to_token_stream(), at);
        let late = quote_spanned!(at.resolved_at(Span::mixed_site())=> ::core::convert::From::from(#shown));
        let late = quote!({ let #failed: #target = #late; #failed });
        if let (Some(limit), None) = (timeout.attempt, timeout.total) {
            let awaited = held(quote!(#krate::__private::timeout(#limit, #call).await));
            return quote! {
                match #awaited {
                    ::core::result::Result::Ok(#value) => #inner,
                    ::core::result::Result::Err(_) => {
                        let #error = #krate::__private::timed_out(#limit);
                        (#late, true, ::core::default::Default::default())
                    }
                }
            };
        }
        let limit = option(timeout.attempt.map(|limit| quote!(#limit)));
        let awaited = quote!(#retry.bounded(#limit, #call).await);
        let awaited = match Self::permit(step) {
            None => awaited,
            // The wait for a permit counts towards the total.
            Some(wait) => {
                let permit = own("__permit");
                quote!(match #retry.bounded(::core::option::Option::None, #wait).await {
                    ::core::result::Result::Ok(#permit) => #awaited,
                    ::core::result::Result::Err(#error) => ::core::result::Result::Err(#error),
                })
            }
        };
        quote! {
            match #awaited {
                ::core::result::Result::Ok(#value) => #inner,
                ::core::result::Result::Err(#error) => {
                    (#late, true, ::core::default::Default::default())
                }
            }
        }
    }
}

/// Whether there is anything to keep of the attempts.
fn counts(policies: &Policies) -> bool {
    policies.retry.is_some() || has_a_clock(policies)
}

/// Whether attempts depend on the time: waits between them, or a bound on all of them.
fn has_a_clock(policies: &Policies) -> bool {
    policies.retry.as_ref().is_some_and(|retry| retry.backoff.is_some())
        || policies.timeout.as_ref().is_some_and(|timeout| timeout.total.is_some())
}
