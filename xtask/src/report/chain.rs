//! The longest chain through a graph: for the critical path of a run that is over, and for the rest of one that runs.

/// A graph of steps by their place: the length of each, and what comes directly before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    pub(crate) length: Vec<u64>,
    pub(crate) before: Vec<Vec<usize>>,
}

/// The longest chain that ends with each step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Longest {
    /// Its length, the step's own included.
    pub(crate) length: Vec<u64>,
    /// The step before it on that chain.
    pub(crate) via: Vec<Option<usize>>,
}

impl Graph {
    /// The longest chain that ends with each step. A recording may hold anything, a cycle too: what is on one, or
    /// behind one, is measured without the edges that close it.
    pub(crate) fn longest(&self) -> Longest {
        let mut longest = Longest { length: vec![0; self.length.len()], via: vec![None; self.length.len()] };
        for place in self.order() {
            let via = self.before[place].iter().copied().max_by_key(|before| longest.length[*before]);
            let via = via.filter(|before| longest.length[*before] > 0);
            longest.via[place] = via;
            longest.length[place] = self.length[place] + via.map_or(0, |before| longest.length[before]);
        }
        longest
    }

    /// The same graph with every edge turned round.
    pub(crate) fn reversed(&self) -> Graph {
        let mut before = vec![Vec::new(); self.length.len()];
        for (place, befores) in self.before.iter().enumerate() {
            for earlier in befores {
                before[*earlier].push(place);
            }
        }
        Graph { length: self.length.clone(), before }
    }

    /// Every step after those before it; steps on or behind a cycle at the end.
    fn order(&self) -> Vec<usize> {
        let after = self.reversed_edges();
        let mut missing: Vec<usize> = self.before.iter().map(Vec::len).collect();
        let mut order: Vec<usize> = (0..missing.len()).filter(|place| missing[*place] == 0).collect();
        let mut next = 0;
        while let Some(place) = order.get(next).copied() {
            next += 1;
            for later in &after[place] {
                missing[*later] -= 1;
                if missing[*later] == 0 {
                    order.push(*later);
                }
            }
        }
        order.extend((0..missing.len()).filter(|place| missing[*place] > 0));
        order
    }

    fn reversed_edges(&self) -> Vec<Vec<usize>> {
        self.reversed().before
    }
}

impl Longest {
    /// The places on the longest chain of all, first to last.
    pub(crate) fn path(&self) -> Vec<usize> {
        let last = (0..self.length.len()).max_by_key(|place| (self.length[*place], usize::MAX - place));
        let mut path: Vec<usize> =
            std::iter::successors(last, |place| self.via[*place]).take(self.length.len()).collect();
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(length: &[u64], edges: &[(usize, usize)]) -> (Vec<usize>, Vec<u64>) {
        let mut graph = Graph { length: length.to_vec(), before: vec![Vec::new(); length.len()] };
        for (earlier, later) in edges {
            graph.before[*later].push(*earlier);
        }
        let longest = graph.longest();
        (longest.path(), longest.length)
    }

    #[test]
    fn the_longest_chain_wins() {
        assert_eq!(path(&[], &[]), (vec![], vec![]));
        assert_eq!(path(&[5], &[]), (vec![0], vec![5]));
        assert_eq!(path(&[1, 9, 2, 3], &[(0, 2), (2, 3)]), (vec![1], vec![1, 9, 3, 6]));
        assert_eq!(path(&[4, 3, 2, 3], &[(0, 2), (1, 2), (2, 3)]), (vec![0, 2, 3], vec![4, 3, 6, 9]));
    }

    #[test]
    fn a_cycle_ends_nothing() {
        let (path, length) = path(&[1, 2, 4], &[(0, 1), (1, 0), (1, 2)]);
        assert_eq!((path, length), (vec![0, 1, 2], vec![1, 3, 7]));
    }
}
