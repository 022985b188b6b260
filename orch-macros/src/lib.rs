//! The compiler behind orch's macros.
//!
//! Users name `orch_core`, which re-exports everything here behind documented façades. Each macro goes
//! through the same phases, in this order: `parse` (tokens to syntax, never panics), `ir` (one graph for
//! all macros), `check` (what rustc cannot see), `lower` (the dataflow schedule) and `codegen`
//! (infallible). A phase starts only when the one before it is complete.

use proc_macro::TokenStream;

mod check;
mod codegen;
mod diag;
mod ir;
mod lower;
mod parse;

/// See `orch_core::pipeline!`.
#[proc_macro]
pub fn pipeline(input: TokenStream) -> TokenStream {
    codegen::pipeline::expand(input.into()).into()
}

/// See `orch_core::route!`.
#[proc_macro]
pub fn route(input: TokenStream) -> TokenStream {
    codegen::route::expand(input.into()).into()
}

/// See `orch_core::fan_out!`.
#[proc_macro]
pub fn fan_out(input: TokenStream) -> TokenStream {
    codegen::fan_out::expand(input.into()).into()
}

/// See `orch_core::workflow!`.
#[proc_macro]
pub fn workflow(input: TokenStream) -> TokenStream {
    codegen::workflow::expand(input.into()).into()
}

/// See the derive `orch_core::Route`.
#[proc_macro_derive(Route, attributes(route))]
pub fn derive_route(input: TokenStream) -> TokenStream {
    codegen::derive::expand(input.into()).into()
}

/// See the derive `orch_core::Event`.
#[proc_macro_derive(Event, attributes(event, on))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    codegen::event::expand(input.into()).into()
}

/// See the attribute `orch_core::tool`.
#[proc_macro_attribute]
pub fn tool(options: TokenStream, item: TokenStream) -> TokenStream {
    codegen::tool::expand(options.into(), &item.into()).into()
}
