use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

proptest! {
    /// The parts together are all tests, no test is in two, and none is longer than the shortest by more than the
    /// longest test: that is as good as whole tests can be divided.
    #[test]
    fn parts_are_disjoint_whole_and_balanced(
        names in proptest::collection::btree_set("[a-z]{1,6}", 0..60),
        known in proptest::collection::btree_map("[a-z]{1,6}", 1_u64..10_000, 0..60),
        count in 1_u32..9,
    ) {
        let tests: Vec<String> = names.iter().cloned().collect();
        let parts = divide(&tests, &known, count);
        prop_assert_eq!(parts.len(), count as usize);
        let all: Vec<String> = parts.iter().flatten().cloned().collect();
        prop_assert_eq!(all.len(), tests.len());
        prop_assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), names);

        let weight: BTreeMap<_, _> = tests.iter().cloned().zip(weights(&tests, &known)).collect();
        let totals: Vec<u64> = parts.iter().map(|part| part.iter().map(|test| weight[test]).sum()).collect();
        let longest = weight.values().max().copied().unwrap_or(0);
        let spread = totals.iter().max().unwrap() - totals.iter().min().unwrap();
        prop_assert!(spread <= longest, "spread {spread}, longest {longest}");
    }

    /// Every machine that knows the same divides alike, in whatever order it lists the tests.
    #[test]
    fn the_order_of_the_list_does_not_matter(names in proptest::collection::btree_set("[a-z]{1,4}", 0..30), count in 1_u32..5) {
        let forward: Vec<String> = names.iter().cloned().collect();
        let backward: Vec<String> = names.iter().rev().cloned().collect();
        prop_assert_eq!(divide(&forward, &BTreeMap::new(), count), divide(&backward, &BTreeMap::new(), count));
    }
}

#[test]
fn shards_are_read_and_written() {
    for (text, expected) in [("1/3", "1/3"), ("3/3", "3/3"), ("2/auto", "2/auto"), ("auto", "auto")] {
        assert_eq!(text.parse::<Shard>().unwrap().to_string(), expected);
    }
    for bad in ["", "3", "0/3", "4/3", "1/0", "a/b", "1/999", "1/"] {
        assert!(bad.parse::<Shard>().is_err(), "{bad}");
    }
}

#[test]
fn the_number_of_parts_follows_the_durations() {
    let tests: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
    let durations = [("a".to_owned(), 400_000), ("b".to_owned(), 200_000)].into();
    assert_eq!(count(&tests, &durations, 300_000), 4);
    assert_eq!(count(&tests, &BTreeMap::new(), 300_000), 1);
    assert_eq!(count(&[], &BTreeMap::new(), 300_000), 1);
}
