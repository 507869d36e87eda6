//! What is true about the fixture, known by other means than receipts: which steps passed on which inputs is learnt
//! from their own witness lines and from the events of the runs, what they make follows from their inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::acceptance::world::World;
use nexus_xtask::event::{Event, Outcome, Stamped};
use nexus_xtask::files;

use super::dice::Dice;

/// The steps that have an input of their own.
const INPUTS: [&str; 5] = ["fork", "last", "make", "shaky", "use"];

/// How many different contents an input has: few, so that runs often meet inputs of long ago.
const VARIANTS: u32 = 4;

/// The content of every input.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(BTreeMap<&'static str, u32>);

impl Values {
    fn of(&self, input: &str) -> String {
        format!("{input}-{}", self.0.get(input).copied().unwrap_or_default())
    }

    /// Changes some of them, or none; says whether.
    pub(super) fn change(&mut self, dice: &mut Dice) -> bool {
        let count = dice.below(4);
        for _ in 0..count {
            let input = INPUTS[dice.below(5) as usize];
            self.0.insert(input, dice.below(VARIANTS));
        }
        count > 0
    }

    pub(super) fn write(&self, world: &World) -> anyhow::Result<()> {
        self.write_into(&world.root)
    }

    pub(super) fn write_into(&self, root: &Path) -> anyhow::Result<()> {
        INPUTS.iter().try_for_each(|input| {
            files::write_cache(&root.join(format!("data/{input}.txt")), self.of(input) + "\n")
        })
    }

    /// The inputs of a step as one word, spelt as the step's witness line.
    fn key(&self, step: &str) -> String {
        match step {
            "use" => format!("{} {}", self.of("use"), self.of("make")),
            // It needs what `use` makes, so it depends on whatever that depends on.
            "last" => format!("{} {}", self.of("last"), self.key("use")),
            "whole" => INPUTS.map(|input| self.of(input)).join(" "),
            // Its inputs never change.
            "lock" => String::new(),
            step => self.of(step),
        }
    }
}

/// Which steps are known to be recorded, and on which inputs.
#[derive(Default)]
pub(super) struct Knowledge {
    recorded: BTreeSet<(String, String)>,
}

/// What a plan may say about a step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// It passed on these inputs, was recorded, and its outputs are there: a plan that runs it again lost something.
    pub(super) must: bool,
    /// It passed on these inputs and its outputs are there: without that a plan that trusts it is wrong.
    pub(super) may: bool,
}

impl Knowledge {
    /// Takes in a run on these inputs, and the steps that receipts name it for. Whatever passed in a run that came to its
    /// end is recorded, unless the run says that it is not.
    pub(super) fn learn(&mut self, values: &Values, events: &[Stamped], receipts: &[String]) {
        let mut passed: BTreeSet<String> = receipts.iter().cloned().collect();
        if events.iter().any(|stamped| matches!(stamped.event, Event::RunFinished { .. })) {
            passed.extend(events.iter().filter_map(|stamped| match &stamped.event {
                Event::StepFinished { step, outcome: Outcome::Passed | Outcome::Flaky { .. }, .. } => {
                    Some(step.clone())
                }
                _ => None,
            }));
            for stamped in events {
                if let Event::StepNoted { step, .. } = &stamped.event {
                    passed.remove(step);
                }
            }
        }
        self.recorded.extend(passed.into_iter().map(|step| {
            let key = values.key(&step);
            (step, key)
        }));
    }

    /// What a plan may say about a step, when the steps in `again` run again.
    pub(super) fn expects(
        &self,
        world: &World,
        values: &Values,
        step: &str,
        again: &BTreeSet<String>,
    ) -> anyhow::Result<Expected> {
        let key = values.key(step);
        let there = match step {
            "make" => wrong_made(&world.root, values)?.is_none(),
            "use" => wrong_used(&world.root, values)?.is_none() && !again.contains("make"),
            "last" => !again.contains("use"),
            _ => true,
        };
        let witness = files::read_text(&world.base.join("home/witness").join(step))?.unwrap_or_default();
        let passed = step == "lock" || witness.lines().any(|line| line == key);
        let recorded = self.recorded.contains(&(step.to_owned(), key));
        Ok(Expected { must: recorded && there, may: passed && there })
    }
}

/// What is wrong with what the steps made; empty when all is as it follows from the inputs.
pub(super) fn wrong_results(root: &Path, values: &Values) -> anyhow::Result<Vec<String>> {
    Ok(wrong_made(root, values)?.into_iter().chain(wrong_used(root, values)?).collect())
}

fn wrong_made(root: &Path, values: &Values) -> anyhow::Result<Option<String>> {
    for number in 1..=12 {
        let name = format!("out/made/{number}.txt");
        if files::read_text(&root.join(&name))? != Some(format!("{} {number}\n", values.of("make"))) {
            return Ok(Some(format!("`{name}` is not what `make` makes of its inputs")));
        }
    }
    Ok(None)
}

fn wrong_used(root: &Path, values: &Values) -> anyhow::Result<Option<String>> {
    let expected = format!("{}\n{} 7\n", values.of("use"), values.of("make"));
    let wrong = files::read_text(&root.join("out/used.txt"))? != Some(expected);
    Ok(wrong.then(|| "`out/used.txt` is not what `use` makes of its inputs".to_owned()))
}
