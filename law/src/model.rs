//! Programs, and how they are drawn.

/// A random program.
#[derive(Clone, Debug)]
pub struct Program {
    /// What it was drawn from.
    pub seed: u64,
    /// Its body.
    pub body: Block,
}

/// Statements, and the variables whose mix is the block's value.
#[derive(Clone, Debug)]
pub struct Block {
    /// In program order.
    pub statements: Vec<Statement>,
    /// The variables the block's value is made of.
    pub value: Vec<u32>,
}

/// One statement.
#[derive(Clone, Debug)]
pub enum Statement {
    /// `let v = call.await?;`
    Step(u32, Call),
    /// `let v = mix(..);`
    Plain(u32, Vec<u32>),
    /// `call.await?;`, marked `#[effect]` or not.
    Effect(Call, bool),
    /// `let v = if flag { .. } else { .. };`
    If(u32, bool, Block, Block),
    /// `let v = match env.way(way) { .. };`
    Match(u32, usize, Box<[Block; 3]>),
    /// `for _ in 0..times { .. }`
    For(u32, Block),
    /// `while` or `loop`, with a bound.
    Loop(Loop),
    /// `let v = sub_workflow(env, v).await?;`, as a step that is a workflow: its number, its argument, its body.
    Flow(u32, u32, u32, Block),
    /// `let v = call.await?;` under `#[when(flag)]`, and what stands in for it.
    When(u32, bool, Call),
    /// `let v = route!(match way { .. }).await?;`
    Route(u32, usize, Box<[Call; 3]>),
    /// `let v = fan_out!(..)` with a join, mixed.
    FanOut(u32, Vec<Call>, Join),
    /// `let v = fan_out!(for ..).concurrency(limit).await?;`, mixed.
    Map(u32, u32, usize, Call),
    /// `let Some(v) = maybe(flag, ..) else { return .. };`
    LetElse(u32, bool, Vec<u32>),
}

/// A loop that counts down.
#[derive(Clone, Debug)]
pub struct Loop {
    /// Its number: unique in the program.
    pub id: u32,
    /// Whether it is a `while`; else a `loop` with a `break`.
    pub is_while: bool,
    /// How often it goes round.
    pub rounds: u32,
    /// `#[max(..)]`; a loop with no step in it takes none.
    pub max: Option<u32>,
    /// What it does.
    pub body: Block,
}

/// How a fan-out's branches are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// All, or the first error.
    All,
    /// Each its own result.
    Settle,
    /// The first so many that succeed.
    Quorum(usize),
}

/// A call of a step.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its number: unique in the program.
    pub id: u32,
    /// How long each attempt takes, in milliseconds.
    pub delay: u64,
    /// How many attempts fail before one succeeds.
    pub fails: u32,
    /// The variables it borrows.
    pub borrows: Vec<u32>,
    /// The variable it takes, which nobody uses after it.
    pub takes: Option<u32>,
    /// `#[retry(attempts, backoff = wait..wait)]`; a wait of 0 is none.
    pub retry: Option<(u32, u64)>,
    /// `#[timeout(..)]`, in milliseconds.
    pub timeout: Option<u64>,
    /// `#[or(..)]`
    pub or: bool,
    /// `#[hedge(after = ..)]`, in milliseconds; never the same as the delay or the timeout.
    pub hedge: Option<u64>,
    /// `#[cache(.., key = id)]`
    pub cache: bool,
    /// `#[limit(..)]`, with more permits than anybody asks for.
    pub limit: bool,
}

/// A source of random numbers that is the same everywhere: splitmix64 (Steele, Lea, Flood 2014).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x ^ (x >> 31)) % bound.max(1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

impl Block {
    /// Whether there is a step in here.
    #[must_use]
    pub fn awaits(&self) -> bool {
        self.statements.iter().any(|statement| match statement {
            Statement::Plain(..) | Statement::LetElse(..) => false,
            Statement::If(_, _, then, otherwise) => then.awaits() || otherwise.awaits(),
            Statement::Match(_, _, blocks) => blocks.iter().any(Self::awaits),
            Statement::For(_, body) | Statement::Loop(Loop { body, .. }) => body.awaits(),
            _ => true,
        })
    }
}

struct Drawing {
    random: Random,
    next_variable: u32,
    next_call: u32,
    /// How many steps may still be drawn.
    budget: usize,
    /// Whether calls may fail.
    failures: bool,
}

impl Program {
    /// The program of a seed: the same each time.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut random = Random(seed);
        let budget = if random.chance(5) { 40 } else { 3 + random.below(10) as usize };
        let failures = random.chance(35);
        let mut drawing = Drawing { random, next_variable: 1, next_call: 0, budget, failures };
        let body = drawing.block(&mut vec![0], 0);
        Self { seed, body }
    }
}

impl Drawing {
    fn variable(&mut self) -> u32 {
        self.next_variable += 1;
        self.next_variable - 1
    }

    /// Some of the variables in scope: rather the newest, so that chains form.
    fn some(&mut self, scope: &[u32], most: u64) -> Vec<u32> {
        let count = self.random.below(most + 1);
        let mut chosen = Vec::new();
        for _ in 0..count {
            let back = self.random.below(4).min(self.random.below(scope.len() as u64));
            let candidate = scope.len() as u64 - 1 - back.min(scope.len() as u64 - 1);
            let variable = scope[candidate as usize];
            if !chosen.contains(&variable) {
                chosen.push(variable);
            }
        }
        chosen
    }

    fn call(&mut self, scope: &[u32]) -> Call {
        self.budget = self.budget.saturating_sub(1);
        let id = self.next_call;
        self.next_call += 1;
        let delay = 1 + self.random.below(10_000);
        let mut call = Call {
            id,
            delay,
            fails: 0,
            borrows: self.some(scope, 3),
            takes: None,
            retry: None,
            timeout: None,
            or: false,
            hedge: None,
            cache: false,
            limit: false,
        };
        if self.random.chance(15) {
            let wait = if self.random.chance(50) { 0 } else { 1 + self.random.below(500) };
            call.retry = Some((1 + self.random.below(3) as u32, wait));
        }
        if self.random.chance(10) {
            let short = self.failures && self.random.chance(30);
            call.timeout = Some(if short { 1 + delay / 2 } else { delay + 1 + self.random.below(1_000) });
        }
        if self.failures && self.random.chance(15) {
            call.fails = 1 + self.random.below(3) as u32;
        }
        call.or = self.random.chance(10);
        if self.random.chance(8) {
            // Before the attempt ends, or never.
            let end = call.timeout.unwrap_or(u64::MAX).min(delay);
            let early = end > 1 && self.random.chance(70);
            call.hedge = if early {
                Some(1 + self.random.below(end - 1)).filter(|after| *after < end)
            } else {
                call.timeout.is_none().then(|| delay + 1 + self.random.below(100))
            };
        }
        call.cache = self.random.chance(6);
        call.limit = self.random.chance(6);
        call
    }

    fn block(&mut self, scope: &mut Vec<u32>, depth: u32) -> Block {
        let outer = scope.len();
        let mut statements = Vec::new();
        let most = if depth == 0 { usize::MAX } else { 1 + self.random.below(4) as usize };
        while self.budget > 0 && statements.len() < most {
            let statement = self.statement(scope, depth);
            statements.push(statement);
        }
        self.moves(&mut statements, &scope[outer..]);
        let taken: Vec<u32> = statements.iter().filter_map(taken_by).collect();
        let own: Vec<u32> =
            scope[outer..].iter().copied().filter(|variable| !taken.contains(variable)).collect();
        scope.truncate(outer);
        // Every step must be used, or the macro rightly objects: all of the block's own variables are.
        Block { statements, value: own }
    }

    fn statement(&mut self, scope: &mut Vec<u32>, depth: u32) -> Statement {
        let kind = self.random.below(100);
        let nests = depth < 2;
        match kind {
            0..=49 => {
                let call = self.call(scope);
                self.bind(scope, |variable| Statement::Step(variable, call))
            }
            50..=61 => {
                let mut uses = self.some(scope, 2);
                if uses.is_empty() {
                    uses.push(scope[scope.len() - 1]);
                }
                self.bind(scope, |variable| Statement::Plain(variable, uses))
            }
            62..=69 => {
                let mut call = self.call(scope);
                (call.or, call.hedge, call.cache) = (false, None, false);
                let marked = self.random.chance(50);
                Statement::Effect(call, marked)
            }
            70..=71 if nests => {
                let way = self.random.below(3) as usize;
                let blocks = std::array::from_fn(|_| self.block(scope, depth + 1));
                self.bind(scope, |variable| Statement::Match(variable, way, Box::new(blocks)))
            }
            72..=76 if nests => {
                let flag = self.random.chance(50);
                let (then, otherwise) = (self.block(scope, depth + 1), self.block(scope, depth + 1));
                self.bind(scope, |variable| Statement::If(variable, flag, then, otherwise))
            }
            77 if nests => {
                let rounds = 1 + self.random.below(3) as u32;
                let short = self.failures && self.random.chance(20);
                let max = if short { rounds - 1 } else { rounds + self.random.below(3) as u32 };
                let (id, is_while) = (self.variable(), self.random.chance(50));
                let body = self.block(scope, depth + 1);
                let max = body.awaits().then_some(max);
                Statement::Loop(Loop { id, is_while, rounds, max, body })
            }
            78 if depth == 0 => {
                let input = scope[scope.len() - 1];
                let parameter = self.variable();
                let body = self.block(&mut vec![parameter], 1);
                self.bind(scope, |variable| Statement::Flow(variable, input, parameter, body))
            }
            79..=80 if nests => {
                let times = 1 + self.random.below(3) as u32;
                Statement::For(times, self.block(scope, depth + 1))
            }
            81..=86 => {
                let way = self.random.below(3) as usize;
                let arms = [self.call(scope), self.call(scope), self.call(scope)];
                self.bind(scope, |variable| Statement::Route(variable, way, Box::new(arms)))
            }
            87..=92 => {
                let count = 1 + self.random.below(5);
                let branches: Vec<Call> = (0..count).map(|_| self.call(scope)).collect();
                let join = match self.random.below(10) {
                    0..=5 => Join::All,
                    6..=7 => Join::Settle,
                    _ => Join::Quorum(1 + self.random.below(count) as usize),
                };
                self.bind(scope, |variable| Statement::FanOut(variable, branches, join))
            }
            93..=96 => {
                let items = self.random.below(6) as u32;
                let limit = 1 + self.random.below(4) as usize;
                let mut call = self.call(scope);
                (call.retry, call.timeout, call.or, call.fails) = (None, None, false, 0);
                (call.hedge, call.cache, call.limit) = (None, false, false);
                self.bind(scope, |variable| Statement::Map(variable, items, limit, call))
            }
            97 => {
                let flag = self.random.chance(50);
                let mut call = self.call(scope);
                call.takes = None;
                self.bind(scope, |variable| Statement::When(variable, flag, call))
            }
            98 if depth == 0 => {
                let flag = self.random.chance(80);
                let uses = self.some(scope, 2);
                self.bind(scope, |variable| Statement::LetElse(variable, flag, uses))
            }
            _ => {
                let call = self.call(scope);
                self.bind(scope, |variable| Statement::Step(variable, call))
            }
        }
    }

    fn bind(&mut self, scope: &mut Vec<u32>, make: impl FnOnce(u32) -> Statement) -> Statement {
        let variable = self.variable();
        scope.push(variable);
        make(variable)
    }

    /// Lets the last user of some of a block's own values take them instead of borrowing.
    fn moves(&mut self, statements: &mut [Statement], own: &[u32]) {
        for &variable in own {
            let Some(last) = statements.iter().rposition(|statement| uses(statement).contains(&variable))
            else {
                continue;
            };
            let plain = statements
                .iter()
                .any(|statement| matches!(statement, Statement::Plain(_, used) if used.contains(&variable)));
            if plain || !self.random.chance(30) {
                continue;
            }
            if let Statement::Step(_, call) = &mut statements[last]
                && call.takes.is_none()
                && call.retry.is_none()
                && call.hedge.is_none()
                && !call.cache
            {
                call.borrows.retain(|borrowed| *borrowed != variable);
                call.takes = Some(variable);
            }
        }
    }
}

fn taken_by(statement: &Statement) -> Option<u32> {
    match statement {
        Statement::Step(_, call) => call.takes,
        _ => None,
    }
}

/// The variables a call needs.
#[must_use]
pub fn uses_of_call(call: &Call) -> Vec<u32> {
    call.borrows.iter().copied().chain(call.takes).collect()
}

/// The variables a statement needs from around it.
#[must_use]
pub fn uses(statement: &Statement) -> Vec<u32> {
    match statement {
        Statement::Step(_, call) | Statement::Effect(call, _) | Statement::Map(_, _, _, call) => {
            uses_of_call(call)
        }
        Statement::Plain(_, uses) | Statement::LetElse(_, _, uses) => uses.clone(),
        Statement::If(_, _, then, otherwise) => [free(then), free(otherwise)].concat(),
        Statement::For(_, body) | Statement::Loop(Loop { body, .. }) => free(body),
        Statement::Match(_, _, blocks) => blocks.iter().flat_map(free).collect(),
        Statement::Flow(_, input, ..) => vec![*input],
        Statement::When(_, _, call) => uses_of_call(call),
        Statement::Route(_, _, arms) => arms.iter().flat_map(uses_of_call).collect(),
        Statement::FanOut(_, branches, _) => branches.iter().flat_map(uses_of_call).collect(),
    }
}

/// The variables a block needs from around it.
fn free(block: &Block) -> Vec<u32> {
    let mut own = Vec::new();
    let mut free = Vec::new();
    for statement in &block.statements {
        free.extend(uses(statement).into_iter().filter(|variable| !own.contains(variable)));
        own.extend(defined(statement));
    }
    free
}

/// Whether a statement waits for all above it, and all below wait for it.
#[must_use]
pub fn orders(statement: &Statement) -> bool {
    match statement {
        Statement::Effect(..) | Statement::For(..) | Statement::Loop(_) | Statement::LetElse(..) => true,
        Statement::If(_, _, then, otherwise) => [then, otherwise].into_iter().any(has_effect),
        Statement::Match(_, _, blocks) => blocks.iter().any(has_effect),
        _ => false,
    }
}

/// Whether there is a step marked `#[effect]` in a block.
fn has_effect(block: &Block) -> bool {
    block.statements.iter().any(|statement| match statement {
        Statement::Effect(_, marked) => *marked,
        Statement::If(_, _, then, otherwise) => has_effect(then) || has_effect(otherwise),
        Statement::Match(_, _, blocks) => blocks.iter().any(has_effect),
        Statement::For(_, body) | Statement::Loop(Loop { body, .. }) => has_effect(body),
        _ => false,
    })
}

/// The variable a statement defines.
#[must_use]
pub fn defined(statement: &Statement) -> Option<u32> {
    match statement {
        Statement::Step(variable, ..)
        | Statement::Plain(variable, ..)
        | Statement::If(variable, ..)
        | Statement::Route(variable, ..)
        | Statement::FanOut(variable, ..)
        | Statement::Map(variable, ..)
        | Statement::Match(variable, ..)
        | Statement::Flow(variable, ..)
        | Statement::When(variable, ..)
        | Statement::LetElse(variable, ..) => Some(*variable),
        Statement::Effect(..) | Statement::For(..) | Statement::Loop(_) => None,
    }
}
