//! The cheapest way through releases.

/// A way: numbers of releases in ascending order, the last one is where it leads.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Way {
    /// What it costs.
    pub(crate) cost: u64,
    /// The number of steps.
    len: usize,
    /// Through these.
    pub(crate) nodes: Vec<usize>,
}

/// The cheapest way from the start to the last of `count` releases, each step of which leads to a
/// later one. `cost`: of the step between two, or from the start; `None`: it is not permitted. Of
/// ways that cost the same the one with fewer steps is taken, and then the one through earlier
/// releases.
///
/// Time is the square of `count`.
pub(crate) fn cheapest(
    count: usize,
    mut cost: impl FnMut(Option<usize>, usize) -> Option<u64>,
) -> Option<Way> {
    let mut best: Vec<Option<Way>> = Vec::with_capacity(count);
    for to in 0..count {
        let mut found = cost(None, to).map(|cost| Way { cost, len: 1, nodes: vec![to] });
        for from in 0..to {
            let Some(before) = best.get(from).and_then(Option::as_ref) else { continue };
            let Some(step) = cost(Some(from), to) else { continue };
            let (total, len) = (before.cost.saturating_add(step), before.len + 1);
            let rival = found.as_ref();
            if rival.is_some_and(|rival| (rival.cost, rival.len) < (total, len)) {
                continue;
            }
            let nodes = before.nodes.iter().copied().chain([to]).collect();
            let way = Way { cost: total, len, nodes };
            if rival.is_none_or(|rival| way < *rival) {
                found = Some(way);
            }
        }
        best.push(found);
    }
    best.pop().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All ways, one after the other.
    fn all(count: usize, cost: &dyn Fn(Option<usize>, usize) -> Option<u64>) -> Option<Way> {
        let subsets = 0..1usize << (count - 1);
        let ways = subsets.filter_map(|through| {
            let nodes: Vec<usize> =
                (0..count).filter(|node| *node == count - 1 || through >> node & 1 == 1).collect();
            let starts = [None].into_iter().chain(nodes.iter().map(|node| Some(*node)));
            let cost = starts.zip(&nodes).map(|(from, to)| cost(from, *to)).sum::<Option<u64>>()?;
            Some(Way { cost, len: nodes.len(), nodes })
        });
        ways.min()
    }

    proptest! {
        #[test]
        fn it_is_what_trying_all_gives(
            count in 1usize..8,
            costs in proptest::collection::vec(proptest::option::weighted(0.8, 0u64..6), 64),
        ) {
            let cost = |from: Option<usize>, to: usize| {
                costs[from.map_or(0, |from| from + 1) * 8 + to]
            };
            prop_assert_eq!(cheapest(count, cost), all(count, &cost));
        }
    }

    #[test]
    fn there_may_be_no_way() {
        assert_eq!(cheapest(0, |_, _| Some(1)), None);
        assert_eq!(cheapest(3, |_, to| (to < 2).then_some(1)), None);
        let way = cheapest(3, |_, _| Some(u64::MAX)).unwrap();
        assert_eq!((way.cost, way.nodes), (u64::MAX, vec![2]));
    }
}
