//! Several tools as one set.

use std::sync::Arc;

use super::{Effect, ToolError, Tools};
use crate::model::{ToolCall, ToolSpec};

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: Tools> Tools for $pointer {
            fn specs(&self) -> Vec<ToolSpec> {
                (**self).specs()
            }

            fn revision(&self) -> u64 {
                (**self).revision()
            }

            fn effect(&self, tool: &str) -> Option<Effect> {
                (**self).effect(tool)
            }

            async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
                (**self).call(call).await
            }
        }
    )*};
}

forward!(&T, Arc<T>);

/// There is no tool of that name in a set.
fn unknown(tools: &impl Tools, call: &ToolCall) -> ToolError {
    let known = tools.specs().iter().map(|spec| spec.name.to_string()).collect();
    ToolError::Unknown { tool: call.tool.clone(), known }
}

/// Adds tools to a set, but for those whose names it has: a call would never reach them, and providers refuse a name that
/// is there twice.
fn join(specs: &mut Vec<ToolSpec>, more: Vec<ToolSpec>) {
    for spec in more {
        if specs.iter().all(|known| known.name != spec.name) {
            specs.push(spec);
        }
    }
}

macro_rules! tuple {
    ($($set:ident $place:tt),*) => {
        /// A call goes to the first set that has the tool, and a model is told of that one.
        impl<$($set: Tools),*> Tools for ($($set,)*) {
            fn specs(&self) -> Vec<ToolSpec> {
                #[allow(unused_mut, reason = "there may be no set")]
                let mut specs = Vec::new();
                $(join(&mut specs, self.$place.specs());)*
                specs
            }

            fn revision(&self) -> u64 {
                0 $(+ self.$place.revision())*
            }

            #[allow(unused_variables, reason = "there may be no set")]
            fn effect(&self, tool: &str) -> Option<Effect> {
                None $(.or_else(|| self.$place.effect(tool)))*
            }

            async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
                $(if self.$place.effect(&call.tool).is_some() {
                    return self.$place.call(call).await;
                })*
                Err(unknown(self, call))
            }
        }
    };
}

tuple!();
tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

impl<T: Tools> Tools for Vec<T> {
    fn specs(&self) -> Vec<ToolSpec> {
        let mut specs = Vec::new();
        self.iter().for_each(|set| join(&mut specs, set.specs()));
        specs
    }

    fn revision(&self) -> u64 {
        self.iter().map(Tools::revision).sum()
    }

    fn effect(&self, tool: &str) -> Option<Effect> {
        self.iter().find_map(|set| set.effect(tool))
    }

    async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
        match self.iter().find(|set| set.effect(&call.tool).is_some()) {
            Some(set) => set.call(call).await,
            None => Err(unknown(self, call)),
        }
    }
}

/// No tools, where there is none.
impl<T: Tools> Tools for Option<T> {
    fn specs(&self) -> Vec<ToolSpec> {
        self.iter().flat_map(Tools::specs).collect()
    }

    fn revision(&self) -> u64 {
        self.as_ref().map_or(0, Tools::revision)
    }

    fn effect(&self, tool: &str) -> Option<Effect> {
        self.as_ref().and_then(|set| set.effect(tool))
    }

    async fn call(&self, call: &ToolCall) -> Result<String, ToolError> {
        match self {
            Some(set) => set.call(call).await,
            None => Err(unknown(self, call)),
        }
    }
}
