//! One step: the call the user wrote, expanded in place, with its policies as plain code around it.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;
use syn::spanned::Spanned;

use super::{Context, Fault, own, shown_at, substitute};
use crate::ir::{Awaited, Code, Control, ControlKind, Piece, Step, build};

/// Whether `.await` after the expression would belong to a part of it, or a `{` in it would be taken for a block's.
fn binds_loosely(expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => binds_loosely(&call.func),
        Expr::MethodCall(call) => binds_loosely(&call.receiver),
        Expr::Field(field) => binds_loosely(&field.base),
        Expr::Index(index) => binds_loosely(&index.expr),
        Expr::Try(inner) => binds_loosely(&inner.expr),
        Expr::Await(inner) => binds_loosely(&inner.base),
        Expr::Struct(_)
        | Expr::Paren(_)
        | Expr::Assign(_)
        | Expr::Binary(_)
        | Expr::Break(_)
        | Expr::Cast(_)
        | Expr::Closure(_)
        | Expr::Continue(_)
        | Expr::Let(_)
        | Expr::Range(_)
        | Expr::RawAddr(_)
        | Expr::Reference(_)
        | Expr::Return(_)
        | Expr::Unary(_)
        | Expr::Yield(_) => true,
        _ => false,
    }
}

/// The attempts of a step that is tried once, and the time they took.
pub(crate) fn once() -> TokenStream {
    quote!(1, ::core::option::Option::None)
}

impl Context {
    /// An expression with its holes filled.
    pub(crate) fn code(&self, code: &Code) -> TokenStream {
        let tokens = code.expr.to_token_stream();
        if code.pieces.is_empty() {
            return tokens;
        }
        let alone = matches!(code.expr, Expr::Path(_));
        substitute(tokens, &|name| {
            let index: usize = name.strip_prefix("__orch_piece_")?.parse().ok()?;
            let value = self.piece(code.pieces.get(index)?);
            Some(if alone { value } else { quote!((#value)) })
        })
    }

    fn piece(&self, piece: &Piece) -> TokenStream {
        match piece {
            Piece::Step(step) => self.step(step, step.question.is_some()),
            Piece::Control(control) => self.control(control),
        }
    }

    /// A step in place. `fallible`: its value is what is inside `Ok`, and an `Err` leaves the block.
    pub(crate) fn step(&self, step: &Step, fallible: bool) -> TokenStream {
        let value = if let Awaited::Route(route) = &step.awaited
            && step.adapt.is_none()
            && !step.policies.change_the_call()
            && (fallible || !route.judges())
        {
            self.route(step, route, fallible)
        } else if fallible {
            self.fallible(step)
        } else {
            self.plain(step)
        };
        let Some(condition) = &step.policies.when else {
            return value;
        };
        let skip = self.observed.then(|| {
            let (cx, at) = (own("__cx"), Self::at(&step.place));
            quote!(#cx.skip(#at);)
        });
        quote! {
            if #condition {
                ::core::option::Option::Some(#value)
            } else {
                #skip
                ::core::option::Option::None
            }
        }
    }

    /// `let __entered = ..;`: tells the observer that the step starts.
    pub(crate) fn enter(&self, step: &Step) -> TokenStream {
        self.enter_at(&step.place)
    }

    fn enter_at(&self, place: &[usize]) -> TokenStream {
        if !self.observed {
            return quote!(());
        }
        let (cx, at) = (own("__cx"), Self::at(place));
        quote!(#cx.enter(#at))
    }

    /// The awaited expression with the right to an attempt, where a limiter must give it. A `match` and not a `let`,
    /// because rustc keeps room for a `let`'s value beside that of the future it comes from.
    pub(crate) fn with_permit(step: &Step, awaited: TokenStream) -> TokenStream {
        let Some(wait) = Self::permit(step) else { return awaited };
        let permit = own("__permit");
        quote!(match #wait.await { #permit => #awaited })
    }

    /// The future of the right to an attempt, where a limiter must give it.
    pub(crate) fn permit(step: &Step) -> Option<TokenStream> {
        let limiter = step.policies.limit.as_ref()?;
        Some(quote_spanned!(limiter.span()=> (#limiter).permit()))
    }

    /// The branches of a fan-out are steps inside it.
    pub(crate) fn inside(&self, step: &Step) -> Option<TokenStream> {
        (self.observed && matches!(step.awaited, Awaited::FanOut(_))).then(|| {
            let (entered, cx) = (own("__entered"), own("__cx"));
            quote!(let #cx = #entered.inside();)
        })
    }

    /// The step in the plan.
    fn at(place: &[usize]) -> TokenStream {
        let (first, rest) = place.split_first().unwrap_or((&0, &[]));
        let rest = rest.chunks(2).map(|inner| {
            let (child, step) = (inner[0], inner[1]);
            quote!(.children[#child].steps[#step])
        });
        quote!(&Self::PLAN.graph.steps[#first] #(#rest)*)
    }

    /// A step without `?`: its value is what the future gives.
    fn plain(&self, step: &Step) -> TokenStream {
        let (entered, value) = (own("__entered"), own("__value"));
        let enter = self.enter(step);
        let call = self.call(step);
        let awaited = quote_spanned!(step.span=> #call.await);
        let krate = &self.krate;
        let inside = self.inside(step);
        let awaited = Self::with_permit(step, awaited);
        quote!({
            let #entered = #enter;
            #inside
            let #value = #awaited;
            #krate::__private::Leave::done(#entered);
            #value
        })
    }

    /// The future of a step: the expression that is awaited.
    pub(crate) fn call(&self, step: &Step) -> TokenStream {
        let call = self.awaited(step);
        let Some(stream) = step.policies.stream.as_ref().filter(|_| step.is_a_call()) else { return call };
        let (krate, entered) = (shown_at(&self.krate, stream.span()), own("__entered"));
        quote_spanned!(stream.span().resolved_at(Span::mixed_site())=>
            #krate::__private::collected(#entered, #call)
        )
    }

    fn awaited(&self, step: &Step) -> TokenStream {
        match &step.awaited {
            Awaited::Call(code) if step.policies.flow.is_some() => self.flow(&code.expr),
            Awaited::Call(code) if binds_loosely(&code.expr) => {
                let call = self.code(code);
                // Of our own making: rustc would call the user's own parentheses superfluous where these end up.
                match (&code.expr, call.clone().into_iter().next()) {
                    (Expr::Paren(_), Some(TokenTree::Group(inner))) => {
                        let inner = inner.stream();
                        quote!((#inner))
                    }
                    _ => quote!((#call)),
                }
            }
            Awaited::Call(code) => self.code(code),
            Awaited::Route(route) => self.route_future(step, route),
            Awaited::FanOut(fan_out) => self.fan_out_value(step, fan_out),
        }
    }

    /// A call of another workflow: the observer goes along.
    fn flow(&self, call: &Expr) -> TokenStream {
        let krate = &self.krate;
        let Expr::Call(call) = call else {
            return call.to_token_stream();
        };
        let Expr::Path(function) = &*call.func else {
            return call.to_token_stream();
        };
        let mut path = function.path.clone();
        let generics = path.segments.last_mut().map(|last| std::mem::take(&mut last.arguments));
        let generics = match generics {
            Some(syn::PathArguments::AngleBracketed(given)) => {
                let given = given.args.iter();
                quote!(::<_, #(#given),*>)
            }
            _ => TokenStream::new(),
        };
        let cx = if self.observed {
            let entered = own("__entered");
            quote!(#entered.inside())
        } else {
            quote!(#krate::__private::Cx::silent())
        };
        let args = &call.args;
        quote_spanned!(call.span()=> #path::__run #generics (#cx, #args))
    }

    /// What is in hand after the await, once the user's own `.map_err(..)` and the like have been applied.
    pub(crate) fn adapted(step: &Step, awaited: &TokenStream) -> TokenStream {
        match &step.adapt {
            None => awaited.clone(),
            Some(adapt) => {
                let hole = build::awaited_hole().to_string();
                substitute(adapt.to_token_stream(), &|name| (name == hole).then(|| awaited.clone()))
            }
        }
    }

    /// The code that turns a step's error into the workflow's, names the step, and tells the observer.
    pub(crate) fn blame(&self, step: &Step, error: &TokenStream, attempts: &TokenStream) -> TokenStream {
        let name = format!("{}{}", self.prefix, step.name);
        let span = step.question.map_or(step.span, |question| question.span());
        // One expression of one span: rustc then shows an error that cannot be converted at the `?`.
        let error = shown_at(error, span);
        let converted =
            quote_spanned!(span.resolved_at(Span::mixed_site())=> ::core::convert::From::from(#error));
        self.fault(&converted, &name, attempts)
    }

    /// The call that names the step of an error.
    fn fault(&self, failure: &TokenStream, name: &str, attempts: &TokenStream) -> TokenStream {
        let entered = own("__entered");
        match &self.fault {
            Fault::Function(function) => quote!(#function(&#entered, #failure, #name, #attempts)),
            Fault::InPlace => {
                let (krate, target) = (&self.krate, &self.error);
                quote!(#krate::__fault!(#target, &#entered, #failure, #name, #attempts))
            }
        }
    }

    /// A step with no policy that looks at its result.
    pub(crate) fn one_attempt(&self, step: &Step) -> TokenStream {
        let krate = &self.krate;
        let (entered, value, error, result) =
            (own("__entered"), own("__value"), own("__error"), own("__result"));
        let enter = self.enter(step);
        let call = self.call(step);
        let awaited = quote_spanned!(step.span=> #call.await);
        let awaited = Self::adapted(step, &awaited);
        let blame = self.blame(step, &quote!(#error), &once());
        let inside = self.inside(step);
        quote!({
            let #entered = #enter;
            #inside
            let #result = #awaited;
            match #result {
                ::core::result::Result::Ok(#value) => {
                    #krate::__private::Leave::done(#entered);
                    #value
                }
                ::core::result::Result::Err(#error) => return ::core::result::Result::Err(#blame),
            }
        })
    }

    fn control(&self, control: &Control) -> TokenStream {
        let krate = &self.krate;
        let (entered, cx, value) = (own("__entered"), own("__cx"), own("__value"));
        let body = substitute(control.expr.to_token_stream(), &|name| {
            if let Some(index) =
                name.strip_prefix("__orch_piece_").and_then(|index| index.parse::<usize>().ok())
            {
                let value = self.piece(control.head.get(index)?);
                return Some(quote!((#value)));
            }
            let index: usize = name.strip_prefix("__orch_graph_")?.parse().ok()?;
            let (_, graph) = control.graphs.get(index)?;
            let inside = self.block(graph);
            let bound = match &control.kind {
                ControlKind::Loop { max: Some(max) } => {
                    let rounds = own("__rounds");
                    let (target, name) = (&self.error, format!("{}{}", self.prefix, control.name));
                    let failure = quote!(<#target as ::core::convert::From<#krate::Error>>::from(__error));
                    let fault = self.fault(&failure, &name, &once());
                    quote! {
                        if let ::core::result::Result::Err(__error) = #rounds.next(#max) {
                            return ::core::result::Result::Err(#fault);
                        }
                    }
                }
                _ => TokenStream::new(),
            };
            let looped = self.observed && matches!(&control.kind, ControlKind::Loop { .. });
            let room = looped.then(|| quote!(#cx.room().await;));
            Some(quote!(#bound #room #inside))
        });
        let label = &control.label;
        let rounds = matches!(&control.kind, ControlKind::Loop { max: Some(_) }).then(|| {
            let rounds = own("__rounds");
            quote!(let mut #rounds = #krate::__private::Rounds::default();)
        });
        let enter = self.enter_at(&control.place);
        let inside = self.observed.then(|| quote!(let #cx = #entered.inside();));
        quote!({
            let #entered = #enter;
            #rounds
            let #value = { #inside #label #body };
            #krate::__private::Leave::done(#entered);
            #value
        })
    }
}
