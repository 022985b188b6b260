//! The dataflow schedule of a block: what runs beside what.
//!
//! Two decompositions do almost all the work. Statements that do not depend on each other, directly or
//! through others, fall into groups that run in *parallel*: the components of the dependence graph.
//! Statements that can never run beside each other fall into groups that run in *series*: the components of
//! the graph that joins every two statements of which neither needs the other. A group that is neither is not
//! series-parallel; its statements are strands that hand values over through slots.

pub(crate) mod lend;

use std::collections::HashSet;
use std::rc::Rc;

use crate::ir::schedule::{Dependences, Region, Schedule, Scheduled};
use crate::ir::uses::{self, Mode, name_of};
use crate::ir::{Graph, Item, Role};

/// Whether an item is free to run beside others.
pub(crate) fn is_free(item: &Item) -> bool {
    let mut has_effect = false;
    item.code.each_step(&mut |step| has_effect |= step.policies.effect.is_some());
    matches!(item.role, Role::Let { .. }) && !item.escapes && !has_effect
}

/// The schedule of a block, found when it is first asked for.
pub(crate) fn scheduled(graph: &Graph) -> Rc<Scheduled> {
    Rc::clone(graph.scheduled.get_or_init(|| Rc::new(find(graph))))
}

fn find(graph: &Graph) -> Scheduled {
    let dependences = dependences(graph);
    let reach = reach(&dependences);
    let mut regions = Vec::new();
    let mut run: Vec<usize> = Vec::new();
    for (index, item) in graph.items.iter().enumerate() {
        if is_free(item) {
            run.push(index);
            continue;
        }
        flush(&mut run, graph, &reach, &mut regions);
        regions.push(Region { items: vec![index], schedule: Schedule::Item(index) });
    }
    flush(&mut run, graph, &reach, &mut regions);
    Scheduled { regions, dependences }
}

fn flush(run: &mut Vec<usize>, graph: &Graph, reach: &[HashSet<usize>], regions: &mut Vec<Region>) {
    if !run.is_empty() {
        let items = std::mem::take(run);
        let schedule = schedule(&items, graph, reach);
        regions.push(Region { items, schedule });
    }
}

/// The dependences between the free statements of a block.
fn dependences(graph: &Graph) -> Dependences {
    let items = &graph.items;
    let mut direct = vec![HashSet::new(); items.len()];
    let mut mutable = graph.exclusive.clone();
    for (later, item) in items.iter().enumerate() {
        for used in &item.uses {
            let definition = items[..later].iter().rposition(|earlier| defines(earlier, &used.name));
            direct[later].extend(definition);
            if definition.is_none() && used.is_value && !graph.outer.contains(&used.name) {
                // Nobody knows the name. While someone writes it, it is the beginning of one that must be in scope
                // to be offered.
                let meant =
                    |item: &Item| item.defines.iter().any(|name| name_of(name).starts_with(&used.name));
                direct[later].extend((0..later).filter(|earlier| meant(&items[*earlier])));
            }
            if definition.is_none() && !graph.outer.contains(&used.name) {
                // A function or a constant: nobody moves or changes it.
                continue;
            }
            let since = definition.map_or(0, |at| at + 1);
            for (earlier, other) in items[..later].iter().enumerate().skip(since) {
                let Some(before) = other.uses.iter().find(|before| before.name == used.name) else {
                    continue;
                };
                let exclusive = before.mode == Mode::Exclusive
                    || used.mode == Mode::Exclusive
                    || mutable.contains(&used.name);
                let is_lent = definition.is_none() && graph.lent.contains(&used.name);
                let moves = before.mode == Mode::Shared && used.mode == Mode::ByValue && !is_lent;
                if (exclusive || moves) && before.overlaps(used) {
                    direct[later].insert(earlier);
                }
            }
        }
        for name in &item.defines {
            let name = name_of(name);
            // A new value under an old name waits for those who use or define the old one.
            for (earlier, other) in items[..later].iter().enumerate() {
                if defines(other, &name) || other.uses.iter().any(|used| used.name == name) {
                    direct[later].insert(earlier);
                }
            }
            if let Role::Let { pat, .. } = &item.role {
                if uses::binds_mut(pat, &name) {
                    mutable.insert(name);
                } else {
                    mutable.remove(&name);
                }
            }
        }
    }
    Dependences { direct }
}

fn defines(item: &Item, name: &str) -> bool {
    item.defines.iter().any(|defined| name_of(defined) == name)
}

/// All that each statement waits for, directly or through others.
fn reach(dependences: &Dependences) -> Vec<HashSet<usize>> {
    let mut reach: Vec<HashSet<usize>> = Vec::with_capacity(dependences.direct.len());
    for direct in &dependences.direct {
        let mut all = direct.clone();
        for &before in direct {
            all.extend(&reach[before]);
        }
        reach.push(all);
    }
    reach
}

fn schedule(items: &[usize], graph: &Graph, reach: &[HashSet<usize>]) -> Schedule {
    if let [only] = items {
        return Schedule::Item(*only);
    }
    let awaits = |item: &usize| graph.items[*item].awaits();
    if items.iter().filter(|item| awaits(item)).count() <= 1 {
        return Schedule::Series(items.iter().map(|item| Schedule::Item(*item)).collect());
    }
    // Plain code above all steps comes first, and plain code that no step waits for stays after the steps, where
    // sequential code would see them done. Outside the branches both may lend to all of them.
    let leading = items.iter().take_while(|item| !awaits(item)).count();
    let (last, rest): (Vec<usize>, Vec<usize>) = items[leading..].iter().partition(|item| {
        !awaits(item) && !items.iter().any(|step| awaits(step) && reach[*step].contains(*item))
    });
    let (early, middle): (Vec<usize>, Vec<usize>) = rest.iter().partition(|item| {
        !awaits(item) && !rest.iter().any(|step| awaits(step) && reach[**item].contains(step))
    });
    let first: Vec<usize> = items[..leading].iter().copied().chain(early).collect();
    if !first.is_empty() || !last.is_empty() {
        let mut series: Vec<Schedule> = first.into_iter().map(Schedule::Item).collect();
        extend(&mut series, schedule(&middle, graph, reach));
        series.extend(last.into_iter().map(Schedule::Item));
        return Schedule::Series(series);
    }
    let depends = |a: usize, b: usize| reach[a].contains(&b) || reach[b].contains(&a);
    let parallel = components(items, depends);
    if parallel.len() > 1 {
        return Schedule::Parallel(parallel.iter().map(|group| schedule(group, graph, reach)).collect());
    }
    let mut series = components(items, |a, b| !depends(a, b));
    if series.len() > 1 {
        series.sort_by(|a, b| {
            if reach[b[0]].contains(&a[0]) { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater }
        });
        let mut parts = Vec::new();
        for group in &series {
            extend(&mut parts, schedule(group, graph, reach));
        }
        return Schedule::Series(parts);
    }
    if let Some(at) = exclusive(items, graph) {
        let mut parts = Vec::new();
        for run in [&items[..at], &items[at..=at], &items[at + 1..]] {
            if !run.is_empty() {
                extend(&mut parts, schedule(run, graph, reach));
            }
        }
        return Schedule::Series(parts);
    }
    Schedule::Strands(items.to_vec())
}

/// A value that one strand hands to others, or to what comes after them.
pub(crate) struct Crossing {
    pub(crate) name: String,
    /// The item that defines it; none when it stands before the strands, and one of them takes it from the others.
    pub(crate) definer: Option<usize>,
    pub(crate) way: Way,
    /// Whether it is needed after the strands.
    pub(crate) lives_on: bool,
}

impl Crossing {
    /// Whether `item`, which uses the value, reaches it through a reference.
    pub(crate) fn is_lent_to(&self, item: usize) -> bool {
        match self.way {
            Way::Given => false,
            Way::Lent => true,
            Way::Taken { by, .. } => by != item,
        }
    }
}

/// How a value crosses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// One statement alone uses it, and it is given away.
    Given,
    /// Several borrow it.
    Lent,
    /// Several borrow it, and then the last takes it.
    Taken { by: usize, borrowers: usize },
}

/// The values that cross between the strands of `group`.
pub(crate) fn crossings(group: &[usize], graph: &Graph) -> Vec<Crossing> {
    let mut crossings = Vec::new();
    for &definer in group {
        for ident in &graph.items[definer].defines {
            let name = name_of(ident);
            let users = users(group, graph, &name).filter(|item| *item != definer).count();
            let lives_on = lives_on(group, graph, definer + 1, &name);
            if users > 0 || lives_on {
                let way = match taker(group, graph, &name) {
                    _ if users == 1 && !lives_on => Way::Given,
                    Some(by) if !lives_on => Way::Taken { by, borrowers: users - 1 },
                    _ => Way::Lent,
                };
                crossings.push(Crossing { name, definer: Some(definer), way, lives_on });
            }
        }
    }
    // What stands before the strands is borrowed as it is, but for what one of them takes.
    for &item in group {
        for used in &graph.items[item].uses {
            let before = graph.outer.contains(&used.name)
                || (0..item).any(|earlier| defines(&graph.items[earlier], &used.name));
            if before
                && used.is_value
                && crossings.iter().all(|crossing| crossing.name != used.name)
                && taker(group, graph, &used.name) == Some(item)
                // What is named again later can be copied.
                && !lives_on(group, graph, item + 1, &used.name)
            {
                let borrowers = users(group, graph, &used.name).count() - 1;
                let (name, way) = (used.name.clone(), Way::Taken { by: item, borrowers });
                crossings.push(Crossing { name, definer: None, way, lives_on: false });
            }
        }
    }
    crossings
}

/// The items of `group` that use `name`.
fn users<'a>(group: &'a [usize], graph: &'a Graph, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    group.iter().copied().filter(move |item| graph.items[*item].uses.iter().any(|used| used.name == name))
}

/// Whether `name` is used by an item from number `from` on that is not in the group.
fn lives_on(group: &[usize], graph: &Graph, from: usize, name: &str) -> bool {
    (from..graph.items.len())
        .any(|later| !group.contains(&later) && graph.items[later].uses.iter().any(|used| used.name == name))
}

/// The item that takes a value the others of the group borrow before: the last to use it.
fn taker(group: &[usize], graph: &Graph, name: &str) -> Option<usize> {
    let last = users(group, graph, name).last()?;
    let mode_of = |item: usize| {
        graph.items[item].uses.iter().filter(|used| used.name == name).map(|used| used.mode).max()
    };
    let is_defined_elsewhere = |item: &usize| !defines(&graph.items[*item], name);
    let others: Vec<usize> =
        users(group, graph, name).filter(|item| *item != last).filter(is_defined_elsewhere).collect();
    let takes = mode_of(last) == Some(Mode::ByValue)
        && !others.is_empty()
        && others.iter().all(|other| mode_of(*other) == Some(Mode::Shared))
        && !graph.lent.contains(name);
    takes.then_some(last)
}

/// The first of `items` that strands cannot hold: it changes what others use, gives an old name to a new value, or may
/// keep a reference to a value that is lent. It becomes an ordering point.
fn exclusive(items: &[usize], graph: &Graph) -> Option<usize> {
    let all = &graph.items;
    items.iter().position(|&item| {
        let others = || items.iter().copied().filter(move |other| *other != item);
        let redefines = all[item]
            .defines
            .iter()
            .map(name_of)
            .any(|name| others().any(|other| defines(&all[other], &name)));
        let changes = all[item].uses.iter().any(|used| {
            used.mode == Mode::Exclusive
                && others().any(|other| all[other].uses.iter().any(|theirs| theirs.name == used.name))
        });
        let keeps = matches!(all[item].role, Role::Let { borrows: true, .. })
            && all[item].uses.iter().any(|used| {
                others().any(|other| defines(&all[other], &used.name))
                    || taker(items, graph, &used.name).is_some_and(|taker| taker != item)
            });
        redefines || changes || keeps
    })
}

fn extend(series: &mut Vec<Schedule>, part: Schedule) {
    match part {
        Schedule::Series(parts) => series.extend(parts),
        other => series.push(other),
    }
}

/// The connected components of `items` under `joined`, each in program order, by their first items.
fn components(items: &[usize], joined: impl Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for &item in items {
        let (mut with, without): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group.iter().any(|&other| joined(other, item)));
        let mut merged: Vec<usize> = with.drain(..).flatten().chain([item]).collect();
        merged.sort_unstable();
        groups = without;
        groups.push(merged);
    }
    groups.sort_by_key(|group| group[0]);
    groups
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Schedule, find};
    use crate::diag::Errors;
    use crate::ir::build;

    fn schedule(source: &str) -> Vec<Schedule> {
        let mut errors = Errors::default();
        let mut graph = build::graph(syn::parse_str(source).unwrap(), &mut errors);
        let outer = ["env".to_owned(), "doc".to_owned(), "x".to_owned()].into();
        graph.surround(&["env".to_owned()].into(), &outer, &HashSet::new());
        assert!(errors.is_empty());
        find(&graph).regions.into_iter().map(|region| region.schedule).collect()
    }

    use Schedule::{Item, Parallel, Series, Strands};

    #[test]
    fn the_document_graph_is_series_parallel() {
        let found = schedule(
            "{ let x = extract(doc).await?; let c = classify(&x).await?; let e = entities(&x).await?;
               let s = summary(&c, &x).await?; let v = validate(&e, &s).await?; Ok(v) }",
        );
        let expected =
            Series(vec![Item(0), Parallel(vec![Series(vec![Item(1), Item(3)]), Item(2)]), Item(4)]);
        assert_eq!(found, [expected, Item(5)]);
    }

    #[test]
    fn an_n_is_not() {
        let found = schedule(
            "{ let a = f().await?; let b = g().await?; let c = h(&a).await?; let d = i(&a, &b).await?; }",
        );
        assert_eq!(found, [Strands(vec![0, 1, 2, 3])]);
    }

    #[test]
    fn statements_order() {
        let found = schedule("{ let a = f().await?; note(&a).await?; let b = g().await?; Ok(b) }");
        assert_eq!(found, [Item(0), Item(1), Item(2), Item(3)]);
    }

    #[test]
    fn a_move_waits_for_those_who_borrow() {
        let found = schedule("{ let a = f(&x).await?; let b = g(x).await?; }");
        assert_eq!(found, [Series(vec![Item(0), Item(1)])]);
        let found = schedule("{ let a = f(x).await?; let b = g(x).await?; }");
        assert_eq!(found, [Parallel(vec![Item(0), Item(1)])]);
    }

    #[test]
    fn a_function_is_nobodys_to_move() {
        let found = schedule(
            "{ let a = route!(match env.way() { A => step(env, 1), B => step(env, 2) }).await?;
               let b = step(env, 3).await?; }",
        );
        assert_eq!(found, [Parallel(vec![Item(0), Item(1)])]);
    }

    #[test]
    fn plain_code_stays_outside_the_branches() {
        let found = schedule(
            "{ let t = &x.text; let a = f(t).await?; let b = g(t).await?; let n = a.len(); h(&b, n).await?; }",
        );
        assert_eq!(found, [Series(vec![Item(0), Parallel(vec![Item(1), Item(2)]), Item(3)]), Item(4)]);
    }
}
