//! What must come of a program, by plain reading: no futures, no macro, a number for the time.

use std::collections::HashMap;

use crate::model::{Block, Call, Join, Loop, Program, Statement, defined, orders, uses, uses_of_call};
use crate::value::{Value, instead, mix};

/// What must come of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The value, or the call that failed.
    pub result: Result<Value, Failed>,
    /// When it ends, in milliseconds.
    pub end: u64,
    /// How often each call is begun before the end.
    pub begun: HashMap<u32, u32>,
    /// How often each is begun in the very millisecond in which an error ends the program: it may, or may not.
    pub perhaps: HashMap<u32, u32>,
    /// The attempts of calls made for their effect, in order.
    pub effects: Vec<u32>,
    /// What the loops note, in order.
    pub rounds: Vec<u64>,
}

/// Why a program ends with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A call failed.
    Step,
    /// A call took too long.
    Timeout,
    /// A loop went past its bound.
    LoopBound,
}

/// The call that ended a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Which one.
    pub id: u32,
    /// Why.
    pub why: Why,
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
    /// What calls with a cache have given.
    cached: HashMap<u32, Value>,
    /// When each attempt of a call made for its effect begins.
    effects: Vec<(u32, u64)>,
    /// What the loops note, and when.
    rounds: Vec<(u64, u64)>,
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
    let seen = |at: u64| at < end || result.is_ok();
    let (mut begun, mut perhaps) = (HashMap::new(), HashMap::new());
    for (id, at) in interpreter.begun {
        if seen(at) {
            *begun.entry(id).or_default() += 1;
        } else if at == end {
            *perhaps.entry(id).or_default() += 1;
        }
    }
    let effects = interpreter.effects.into_iter().filter(|(_, at)| seen(*at)).map(|(id, _)| id).collect();
    let rounds =
        interpreter.rounds.into_iter().filter(|(_, at)| *at <= end).map(|(noted, _)| noted).collect();
    Expected { result, end, begun, perhaps, effects, rounds }
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
            let orders = orders(statement);
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
                // Something it needs failed: it never begins, and never gives back what it would borrow.
                released.extend(needs.into_iter().map(|variable| (variable, u64::MAX)));
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
            Statement::Step(_, call) | Statement::When(_, true, call) => self.call(call, scope, begin),
            Statement::Effect(call, marked) => {
                let before = self.begun.len();
                let end = self.call(call, scope, begin);
                if *marked {
                    self.effects.extend_from_slice(&self.begun[before..]);
                }
                end
            }
            Statement::When(_, false, call) => End::Value(Ready { value: instead(call.id), at: begin }),
            Statement::Match(_, way, blocks) => self.block(&blocks[*way % 3], &mut scope.clone(), begin),
            Statement::Flow(_, input, parameter, body) => {
                let argument = Ready { value: scope[input].value.clone(), at: begin };
                // A `return` in a workflow leaves that workflow.
                match self.block(body, &mut HashMap::from([(*parameter, argument)]), begin) {
                    End::Left(ready) => End::Value(ready),
                    other => other,
                }
            }
            Statement::Loop(Loop { id, rounds, max, body, .. }) => {
                let mut at = begin;
                for round in 0..*rounds {
                    if Some(round) == *max {
                        return End::Failed(Failed { id: *id, why: Why::LoopBound, at });
                    }
                    match self.block(body, &mut scope.clone(), at) {
                        End::Value(ready) => {
                            at = ready.at;
                            self.rounds.push((u64::from(rounds - round - 1) ^ ready.value.0, at));
                        }
                        other => return other,
                    }
                }
                End::Value(Ready { value: Value(0), at })
            }
            Statement::Plain(_, uses) => End::Value(Ready { value: mixed(uses), at: begin }),
            Statement::If(_, flag, then, otherwise) => {
                let taken = if *flag { then } else { otherwise };
                self.block(taken, &mut scope.clone(), begin)
            }
            Statement::For(times, body) => {
                let mut at = begin;
                for round in 0..*times {
                    match self.block(body, &mut scope.clone(), at) {
                        End::Value(ready) => {
                            at = ready.at;
                            self.rounds.push((u64::from(round) ^ ready.value.0, at));
                        }
                        other => return other,
                    }
                }
                End::Value(Ready { value: Value(0), at })
            }
            Statement::Route(_, way, arms) => self.call(&arms[*way], scope, begin),
            Statement::FanOut(_, branches, join) => self.fan_out(branches, *join, scope, begin),
            Statement::Map(_, items, limit, call) => {
                let mut free = vec![begin; *limit];
                let (mut all, mut end) = (Vec::new(), begin);
                for item in 0..u64::from(*items) {
                    let first = (0..free.len()).min_by_key(|worker| free[*worker]).unwrap_or(0);
                    self.begun.push((call.id, free[first]));
                    free[first] += call.delay + item;
                    end = end.max(free[first]);
                    let mut value = values(&uses_of_call(call));
                    let made = self.made.entry(call.id).or_default();
                    value.push(Value(u64::from(*made)));
                    *made += 1;
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

    fn fan_out(&mut self, branches: &[Call], join: Join, scope: &HashMap<u32, Ready>, begin: u64) -> End {
        let mut ends: Vec<Result<Ready, Failed>> = Vec::new();
        let kept = self.cached.clone();
        // Which attempts belong to which branch.
        let mut attempts: Vec<std::ops::Range<usize>> = Vec::new();
        for branch in branches {
            let before = self.begun.len();
            ends.push(match self.call(branch, scope, begin) {
                End::Failed(failed) => Err(failed),
                End::Value(ready) | End::Left(ready) => Ok(ready),
            });
            attempts.push(before..self.begun.len());
        }
        let at = |end: &Result<Ready, Failed>| match end {
            Ok(ready) => ready.at,
            Err(failed) => failed.at,
        };
        let first_error =
            || ends.iter().filter_map(|end| end.as_ref().err()).min_by_key(|failed| failed.at).copied();
        let over = match join {
            Join::All => match first_error() {
                Some(failed) => return End::Failed(failed),
                None => ends.iter().map(at).max().unwrap_or(begin),
            },
            Join::Settle => ends.iter().map(at).max().unwrap_or(begin),
            Join::Quorum(count) => {
                let mut succeeded: Vec<u64> = ends.iter().flatten().map(|ready| ready.at).collect();
                succeeded.sort_unstable();
                let mut failed: Vec<Failed> =
                    ends.iter().filter_map(|end| end.as_ref().err()).copied().collect();
                failed.sort_by_key(|failed| failed.at);
                match (succeeded.get(count - 1), first_error()) {
                    (Some(over), _) => *over,
                    // So many have failed that the rest are too few.
                    (None, Some(first)) => {
                        let too_many = failed[branches.len() - count].at;
                        return End::Failed(Failed { at: too_many, ..first });
                    }
                    (None, None) => begin,
                }
            }
        };
        // What a branch that was dropped would have kept, and begun later.
        for (branch, end) in branches.iter().zip(&ends) {
            if at(end) > over && !kept.contains_key(&branch.id) {
                self.cached.remove(&branch.id);
            }
        }
        for range in attempts.into_iter().rev() {
            for index in range.rev() {
                if self.begun[index].1 > over {
                    let (id, _) = self.begun.remove(index);
                    self.made.entry(id).and_modify(|made| *made -= 1);
                }
            }
        }
        let values: Vec<Value> = ends
            .into_iter()
            .zip(branches)
            .map(|(end, branch)| match end {
                Ok(ready) if ready.at <= over => ready.value,
                _ => instead(branch.id),
            })
            .collect();
        End::Value(Ready { value: mix(&values.iter().collect::<Vec<_>>()), at: over })
    }

    fn call(&mut self, call: &Call, scope: &HashMap<u32, Ready>, begin: u64) -> End {
        if let Some(value) = self.cached.get(&call.id).filter(|_| call.cache) {
            return End::Value(Ready { value: value.clone(), at: begin });
        }
        let (attempts, wait) = call.retry.unwrap_or((1, 0));
        let mut at = begin;
        for attempt in 1..=attempts {
            let (success, took) = self.attempt(call, at);
            at += took;
            if success == Ok(()) {
                let mut values: Vec<Value> = call
                    .takes
                    .iter()
                    .chain(&call.borrows)
                    .map(|variable| scope[variable].value.clone())
                    .collect();
                values.push(Value(u64::from(call.id)));
                let value = mix(&values.iter().collect::<Vec<_>>());
                if call.cache {
                    self.cached.insert(call.id, value.clone());
                }
                return End::Value(Ready { value, at });
            }
            if attempt == attempts {
                if call.or {
                    return End::Value(Ready { value: instead(call.id), at });
                }
                let why = success.err().unwrap_or(Why::Step);
                return End::Failed(Failed { id: call.id, why, at });
            }
            at += wait;
        }
        unreachable!("the last attempt returns")
    }

    /// One attempt, hedged or not: how it ends, and how long it takes.
    fn attempt(&mut self, call: &Call, begin: u64) -> (Result<(), Why>, u64) {
        let limit = call.timeout.unwrap_or(u64::MAX);
        let mut starts = |at: u64| {
            self.begun.push((call.id, begin + at));
            let made = self.made.entry(call.id).or_default();
            *made += 1;
            *made > call.fails
        };
        let first = starts(0);
        let second =
            call.hedge.filter(|after| *after < limit.min(call.delay)).map(|after| (starts(after), after));
        let (succeeds, took) = match second {
            _ if first => (true, call.delay),
            Some((second, after)) => (second, after + call.delay),
            None => (false, call.delay),
        };
        match (succeeds, took) {
            (_, took) if took > limit => (Err(Why::Timeout), limit),
            (true, took) => (Ok(()), took),
            (false, took) => (Err(Why::Step), took),
        }
    }
}
