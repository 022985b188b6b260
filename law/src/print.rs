//! A program as a `workflow!`.

use std::fmt::Write as _;

use crate::model::{Block, Call, Program, Statement};

/// The source of the workflow `w<seed>`.
#[must_use]
pub fn source(program: &Program) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "workflow!(async fn w{}(env: &Env, v0: Value) -> Result<Value> {{", program.seed);
    block(&mut out, &program.body);
    let _ = writeln!(out, "Ok({})\n}});", mix(&program.body.value));
    out
}

fn block(out: &mut String, block: &Block) {
    for one in &block.statements {
        statement(out, one);
    }
}

/// The value of a nested block: its statements, then their mix.
fn nested(out: &mut String, inner: &Block) {
    block(out, inner);
    let _ = writeln!(out, "{}", mix(&inner.value));
}

fn mix(variables: &[u32]) -> String {
    format!("mix(&[{}])", list(variables))
}

fn list(variables: &[u32]) -> String {
    variables.iter().map(|variable| format!("&v{variable}")).collect::<Vec<_>>().join(", ")
}

fn call(call: &Call) -> String {
    let Call { id, delay, fails, borrows, .. } = call;
    match call.takes {
        Some(taken) => format!("take(env, {id}, {delay}, {fails}, v{taken}, &[{}])", list(borrows)),
        None => format!("step(env, {id}, {delay}, {fails}, &[{}])", list(borrows)),
    }
}

fn policies(call: &Call) -> String {
    let mut out = String::new();
    match call.retry {
        Some((attempts, 0)) => {
            let _ = write!(out, "#[retry({attempts})] ");
        }
        Some((attempts, wait)) => {
            let _ = write!(out, "#[retry({attempts}, backoff = {wait}ms..{wait}ms)] ");
        }
        None => {}
    }
    if let Some(timeout) = call.timeout {
        let _ = write!(out, "#[timeout({timeout}ms)] ");
    }
    if call.or {
        let _ = write!(out, "#[or(instead({}))] ", call.id);
    }
    out
}

fn statement(out: &mut String, statement: &Statement) {
    let _ = match statement {
        Statement::Step(variable, step) => {
            writeln!(out, "{}let v{variable} = {}.await?;", policies(step), call(step))
        }
        Statement::Plain(variable, uses) => writeln!(out, "let v{variable}: Value = {};", mix(uses)),
        Statement::Effect(step) => writeln!(out, "{}{}.await?;", policies(step), call(step)),
        Statement::If(variable, flag, then, otherwise) => {
            let _ = writeln!(out, "let v{variable} = if env.is({flag}) {{");
            nested(out, then);
            out.push_str("} else {\n");
            nested(out, otherwise);
            writeln!(out, "}};")
        }
        Statement::For(times, body) => {
            let _ = writeln!(out, "for round in 0..{times}_u64 {{");
            block(out, body);
            writeln!(out, "env.note(round, &{});\n}}", mix(&body.value))
        }
        Statement::Route(variable, way, arms) => {
            let _ = writeln!(out, "let v{variable} = route!(match env.way({way}) {{");
            for (name, arm) in ["A", "B", "C"].iter().zip(arms) {
                let _ = writeln!(out, "{}Way::{name} => {},", policies(arm), call(arm));
            }
            writeln!(out, "}}).await?;")
        }
        Statement::FanOut(variable, branches) => {
            let _ = writeln!(out, "let f{variable} = fan_out!(");
            for (index, branch) in branches.iter().enumerate() {
                let _ = writeln!(out, "{}b{index} = {},", policies(branch), call(branch));
            }
            let fields: Vec<String> =
                (0..branches.len()).map(|index| format!("&f{variable}.b{index}")).collect();
            writeln!(out, ").await?;\nlet v{variable}: Value = mix(&[{}]);", fields.join(", "))
        }
        Statement::Map(variable, items, limit, step) => {
            let Call { id, delay, borrows, .. } = step;
            let _ = writeln!(out, "let m{variable} = fan_out!(for item in 0..{items}_u64 {{");
            let _ = writeln!(out, "item_step(env, {id}, {delay} + item, [{}])", list(borrows));
            writeln!(out, "}}).concurrency({limit}).await?;\nlet v{variable}: Value = mix_all(&m{variable});")
        }
        Statement::LetElse(variable, flag, uses) => {
            writeln!(
                out,
                "let Some(v{variable}) = env.maybe({flag}, {}) else {{ return Ok(Value(0)); }};",
                mix(uses)
            )
        }
    };
}
