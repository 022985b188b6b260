//! A program as a `workflow!`.

use std::fmt::Write as _;

use crate::model::{Block, Call, Join, Loop, Program, Statement};

/// The source of the workflow `w<seed>`.
#[must_use]
pub fn source(program: &Program) -> String {
    let mut out = String::new();
    for statement in &program.body.statements {
        if let Statement::Flow(variable, _, parameter, body) = statement {
            workflow(&mut out, &format!("w{}_{variable}", program.seed), *parameter, body, program.seed);
        }
    }
    workflow(&mut out, &format!("w{}", program.seed), 0, &program.body, program.seed);
    out
}

fn workflow(out: &mut String, name: &str, parameter: u32, body: &Block, seed: u64) {
    let _ = writeln!(out, "workflow!(async fn {name}(env: &Env, v{parameter}: Value) -> Result<Value> {{");
    Printer { out, seed }.block(body);
    let _ = writeln!(out, "Ok({})\n}});", mix(&body.value));
}

struct Printer<'a> {
    out: &'a mut String,
    seed: u64,
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
    if let Some(after) = call.hedge {
        let _ = write!(out, "#[hedge(after = {after}ms)] ");
    }
    if call.cache {
        let _ = write!(out, "#[cache(env.cache(), key = {})] ", call.id);
    }
    if call.limit {
        out.push_str("#[limit(env.limiter())] ");
    }
    if call.or {
        let _ = write!(out, "#[or(instead({}))] ", call.id);
    }
    out
}

impl Printer<'_> {
    fn block(&mut self, block: &Block) {
        for statement in &block.statements {
            self.statement(statement);
        }
    }

    /// The value of a nested block: its statements, then their mix.
    fn nested(&mut self, inner: &Block) {
        self.block(inner);
        self.line(&mix(&inner.value));
    }

    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Step(variable, step) => {
                self.line(&format!("{}let v{variable} = {}.await?;", policies(step), call(step)));
            }
            Statement::Plain(variable, uses) => {
                self.line(&format!("let v{variable}: Value = {};", mix(uses)));
            }
            Statement::Effect(step, marked) => {
                // Where it is tried again, it must be marked as one that can be.
                let marked = match (marked, step.retry) {
                    (true, Some(_)) => "#[effect(idempotent)] ",
                    (true, None) => "#[effect] ",
                    (false, _) => "",
                };
                self.line(&format!("{marked}{}{}.await?;", policies(step), call(step)));
            }
            Statement::If(variable, flag, then, otherwise) => {
                self.line(&format!("let v{variable} = if env.is({flag}) {{"));
                self.nested(then);
                self.line("} else {");
                self.nested(otherwise);
                self.line("};");
            }
            Statement::Match(variable, way, blocks) => {
                self.line(&format!("let v{variable} = match env.way({way}) {{"));
                for (name, block) in ["A", "B", "C"].iter().zip(blocks.iter()) {
                    self.line(&format!("Way::{name} => {{"));
                    self.nested(block);
                    self.line("}");
                }
                self.line("};");
            }
            Statement::For(times, body) => {
                self.line(&format!("for round in 0..{times}_u64 {{"));
                self.block(body);
                self.line(&format!("env.note(round, &{});\n}}", mix(&body.value)));
            }
            Statement::Loop(looped) => self.looped(looped),
            Statement::Flow(variable, input, ..) => {
                let seed = self.seed;
                self.line(&format!(
                    "#[flow]\nlet v{variable} = w{seed}_{variable}(env, v{input}.clone()).await?;"
                ));
            }
            Statement::When(variable, flag, step) => {
                let (policies, id) = (policies(step), step.id);
                self.line(&format!(
                    "#[when(env.is({flag}))] {policies}let w{variable} = {}.await?;",
                    call(step)
                ));
                self.line(&format!("let v{variable}: Value = w{variable}.unwrap_or_else(|| instead({id}));"));
            }
            Statement::Route(variable, way, arms) => {
                self.line(&format!("let v{variable} = route!(match env.way({way}) {{"));
                for (name, arm) in ["A", "B", "C"].iter().zip(arms.iter()) {
                    self.line(&format!("{}Way::{name} => {},", policies(arm), call(arm)));
                }
                self.line("}).await?;");
            }
            Statement::FanOut(variable, branches, join) => self.fan_out(*variable, branches, *join),
            Statement::Map(variable, items, limit, step) => {
                let Call { id, delay, borrows, .. } = step;
                self.line(&format!("let m{variable} = fan_out!(for item in 0..{items}_u64 {{"));
                self.line(&format!("item_step(env, {id}, {delay} + item, [{}])", list(borrows)));
                self.line(&format!("}}).concurrency({limit}).await?;"));
                self.line(&format!("let v{variable}: Value = mix_all(&m{variable});"));
            }
            Statement::LetElse(variable, flag, uses) => self.line(&format!(
                "let Some(v{variable}) = env.maybe({flag}, {}) else {{ return Ok(Value(0)); }};",
                mix(uses)
            )),
        }
    }

    fn looped(&mut self, looped: &Loop) {
        let Loop { id, is_while, rounds, max, body } = looped;
        self.line(&format!("let mut left{id} = {rounds}_u64;"));
        if let Some(max) = max {
            self.line(&format!("#[max({max})]"));
        }
        self.line(&if *is_while { format!("while left{id} > 0 {{") } else { "loop {".to_owned() });
        self.block(body);
        self.line(&format!("left{id} -= 1;\nenv.note(left{id}, &{});", mix(&body.value)));
        if !is_while {
            self.line(&format!("if left{id} == 0 {{ break; }}"));
        }
        self.line("}");
    }

    fn fan_out(&mut self, variable: u32, branches: &[Call], join: Join) {
        self.line(&format!("let f{variable} = fan_out!("));
        for (index, branch) in branches.iter().enumerate() {
            self.line(&format!("{}b{index} = {},", policies(branch), call(branch)));
        }
        let field = |index: usize| match join {
            Join::All => format!("&f{variable}.b{index}"),
            Join::Settle => {
                format!("&f{variable}.b{index}.unwrap_or_else(|_| instead({}))", branches[index].id)
            }
            Join::Quorum(_) => {
                format!("&f{variable}.b{index}.unwrap_or_else(|| instead({}))", branches[index].id)
            }
        };
        let fields: Vec<String> = (0..branches.len()).map(field).collect();
        self.line(&match join {
            Join::All => ").await?;".to_owned(),
            Join::Settle => ").settle().await;".to_owned(),
            Join::Quorum(count) => format!(").quorum({count}).await?;"),
        });
        self.line(&format!("let v{variable}: Value = mix(&[{}]);", fields.join(", ")));
    }
}
