//! What must come of a program, by plain reading: no futures, no macro, a number for the time.

use std::collections::HashMap;

use crate::model::{Block, Call, Program, Statement, defined, uses, uses_of_call};
use crate::run::{Value, instead, mix};

/// What must come of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The value, or the call that failed.
    pub result: Result<Value, Failed>,
    /// When it ends, in milliseconds.
    pub end: u64,
    /// How often each call is begun, and when last, for those that begin before the end.
    pub begun: HashMap<u32, u32>,
}

/// The call that ended a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Which one.
    pub id: u32,
    /// Whether by its timeout.
    pub by_timeout: bool,
    /// When.
    pub at: u64,
}

/// A value and when it is there.
#[derive(Clone, Debug)]
struct Ready {
    value: Value,
    at: u64,
}

/// How a block ends.
enum End {
    Value(Ready),
    Failed(Failed),
    /// `return`
    Left(Ready),
}

#[derive(Default)]
struct Interpreter {
    /// When each attempt of each call begins.
    begun: Vec<(u32, u64)>,
    /// How many attempts each call has had, over all rounds of the loops around it.
    made: HashMap<u32, u32>,
}

/// Reads a program.
#[must_use]
pub fn expect(program: &Program) -> Expected {
    let mut interpreter = Interpreter::default();
    let mut scope = HashMap::from([(0, Ready { value: Value(7), at: 0 })]);
    let (result, end) = match interpreter.block(&program.body, &mut scope, 0) {
        End::Value(ready) | End::Left(ready) => (Ok(ready.value), ready.at),
        End::Failed(failed) => (Err(failed), failed.at),
    };
    let mut begun = HashMap::new();
    for (id, at) in interpreter.begun {
        if at < end || result.is_ok() {
            *begun.entry(id).or_default() += 1;
        }
    }
    Expected { result, end, begun }
}

impl Interpreter {
    fn block(&mut self, block: &Block, outer: &mut HashMap<u32, Ready>, start: u64) -> End {
        let mut scope = outer.clone();
        // Nothing before this time: the last ordering point.
        let mut floor = start;
        // When everything above has ended.
        let mut ceiling = start;
        let mut failed: Option<Failed> = None;
        // When those who use a value are done with it: who takes it waits for them.
        let mut released: HashMap<u32, u64> = HashMap::new();
        for statement in &block.statements {
            let orders =
                matches!(statement, Statement::Effect(_) | Statement::For(..) | Statement::LetElse(..));
            if orders {
                if let Some(failed) = failed {
                    return End::Failed(failed);
                }
                floor = ceiling;
            }
            let needs = uses(statement);
            let mut begin = needs
                .iter()
                .map(|variable| scope.get(variable).map_or(u64::MAX, |ready| ready.at))
                .max()
                .unwrap_or(0)
                .max(floor);
            if let Statement::Step(_, Call { takes: Some(taken), .. }) = statement {
                begin = begin.max(released.get(taken).copied().unwrap_or(0));
            }
            if begin == u64::MAX {
                // Something it needs failed: it never begins.
                continue;
            }
            let end = self.statement(statement, &scope, begin);
            let at = match end {
                End::Value(ready) => {
                    let at = ready.at;
                    if let Some(variable) = defined(statement) {
                        scope.insert(variable, ready);
                    }
                    at
                }
                End::Left(ready) => return End::Left(ready),
                End::Failed(this) => {
                    if orders {
                        return End::Failed(this);
                    }
                    if failed.is_none_or(|first| this.at < first.at) {
                        failed = Some(this);
                    }
                    if let Some(variable) = defined(statement) {
                        scope.remove(&variable);
                    }
                    u64::MAX
                }
            };
            for variable in needs {
                let until = released.entry(variable).or_default();
                *until = (*until).max(at);
            }
            if at != u64::MAX {
                ceiling = ceiling.max(at);
            }
            if orders {
                floor = ceiling;
            }
        }
        if let Some(failed) = failed {
            return End::Failed(failed);
        }
        let values: Vec<&Value> = block.value.iter().map(|variable| &scope[variable].value).collect();
        End::Value(Ready { value: mix(&values), at: ceiling })
    }

    fn statement(&mut self, statement: &Statement, scope: &HashMap<u32, Ready>, begin: u64) -> End {
        let values = |variables: &[u32]| {
            variables.iter().map(|variable| scope[variable].value.clone()).collect::<Vec<_>>()
        };
        let mixed = |variables: &[u32]| mix(&values(variables).iter().collect::<Vec<_>>());
        match statement {
            Statement::Step(_, call) | Statement::Effect(call) => self.call(call, scope, begin),
            Statement::Plain(_, uses) => End::Value(Ready { value: mixed(uses), at: begin }),
            Statement::If(_, flag, then, otherwise) => {
                let taken = if *flag { then } else { otherwise };
                self.block(taken, &mut scope.clone(), begin)
            }
            Statement::For(times, body) => {
                let mut at = begin;
                for _ in 0..*times {
                    match self.block(body, &mut scope.clone(), at) {
                        End::Value(ready) => at = ready.at,
                        other => return other,
                    }
                }
                End::Value(Ready { value: Value(0), at })
            }
            Statement::Route(_, way, arms) => self.call(&arms[*way], scope, begin),
            Statement::FanOut(_, branches) => {
                let ends: Vec<End> = branches.iter().map(|branch| self.call(branch, scope, begin)).collect();
                let failed = ends.iter().filter_map(|end| match end {
                    End::Failed(failed) => Some(*failed),
                    _ => None,
                });
                if let Some(first) = failed.min_by_key(|failed| failed.at) {
                    return End::Failed(first);
                }
                let ready: Vec<Ready> = ends
                    .into_iter()
                    .filter_map(|end| match end {
                        End::Value(ready) => Some(ready),
                        _ => None,
                    })
                    .collect();
                let at = ready.iter().map(|ready| ready.at).max().unwrap_or(begin);
                let values: Vec<&Value> = ready.iter().map(|ready| &ready.value).collect();
                End::Value(Ready { value: mix(&values), at })
            }
            Statement::Map(_, items, limit, call) => {
                let mut free = vec![begin; *limit];
                let (mut all, mut end) = (Vec::new(), begin);
                for item in 0..u64::from(*items) {
                    let first = (0..free.len()).min_by_key(|worker| free[*worker]).unwrap_or(0);
                    self.begun.push((call.id, free[first]));
                    free[first] += call.delay + item;
                    end = end.max(free[first]);
                    let mut value = values(&uses_of_call(call));
                    value.push(Value(item));
                    all.push(mix(&value.iter().chain([&Value(u64::from(call.id))]).collect::<Vec<_>>()));
                }
                End::Value(Ready { value: mix(&all.iter().collect::<Vec<_>>()), at: end })
            }
            Statement::LetElse(_, flag, uses) => {
                if *flag {
                    End::Value(Ready { value: mixed(uses), at: begin })
                } else {
                    End::Left(Ready { value: Value(0), at: begin })
                }
            }
        }
    }

    fn call(&mut self, call: &Call, scope: &HashMap<u32, Ready>, begin: u64) -> End {
        let (attempts, wait) = call.retry.unwrap_or((1, 0));
        let mut at = begin;
        for attempt in 1..=attempts {
            self.begun.push((call.id, at));
            let by_timeout = call.timeout.is_some_and(|timeout| timeout < call.delay);
            at += call.timeout.unwrap_or(u64::MAX).min(call.delay);
            let made = self.made.entry(call.id).or_default();
            *made += 1;
            if !by_timeout && *made > call.fails {
                let mut values: Vec<Value> = call
                    .takes
                    .iter()
                    .chain(&call.borrows)
                    .map(|variable| scope[variable].value.clone())
                    .collect();
                values.push(Value(u64::from(call.id)));
                return End::Value(Ready { value: mix(&values.iter().collect::<Vec<_>>()), at });
            }
            if attempt == attempts {
                if call.or {
                    return End::Value(Ready { value: instead(call.id), at });
                }
                return End::Failed(Failed { id: call.id, by_timeout, at });
            }
            at += wait;
        }
        unreachable!("the last attempt returns")
    }
}
