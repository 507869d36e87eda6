//! Releases that must not stay: each way of being bad gets its verdict from the whole engine, and the good one serves again.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::deploy::World;

/// A release that nobody may keep: its faults, what else is measured of it, how the command ends, and what it says.
struct Bad {
    faults: &'static str,
    measured: &'static str,
    code: i32,
    said: &'static str,
}

/// Longer than an undo takes until it fires by itself.
const GONE_BACK: Duration = Duration::from_secs(70);

const BAD: &[Bad] = &[
    Bad { faults: "never_ready", measured: "", code: 5, said: "it did not say that it is ready" },
    Bad { faults: "html", measured: "", code: 5, said: "Html" },
    Bad { faults: "release:other", measured: "", code: 5, said: "other" },
    Bad { faults: "flap:1", measured: "", code: 5, said: "answers were not well" },
    Bad { faults: "exit:1", measured: "", code: 5, said: "it died, and was started again" },
    Bad { faults: "fail:5:1", measured: "", code: 5, said: "answers were not well" },
    Bad { faults: "slow:300", measured: "slower_percent_max = 200", code: 5, said: "ms (medians)" },
    Bad { faults: "leak:1024", measured: MEMORY, code: 5, said: "`memory` is" },
    // Nothing is wrong with it that anybody could see; where the number is missing, nobody says that it is good.
    Bad { faults: "", measured: NOTHING, code: 6, said: "`nothing` said nothing" },
];

/// What the service of the first host takes, as it says itself.
const MEMORY: &str = "metrics.memory = { at_most = \"60000000\", command = [\"sh\", \"-c\", \
    \"curl --silent --max-time 3 http://FIRST/metrics | sed -n 's/^process_resident_memory_bytes //p'\"] }";

const NOTHING: &str = "metrics.nothing = { at_most = \"1\", command = [\"true\"] }";

/// A stage of two hosts, of which the second is the one that nobody touched.
struct Pair {
    world: World,
    addresses: [String; 2],
}

impl Pair {
    fn new() -> Pair {
        // Both at once: one that is free may be given out again.
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses = listeners.map(|listener| listener.local_addr().unwrap().to_string());
        Pair { world: World::new(), addresses }
    }

    fn declare(&self, configuration: &str, measured: &str) {
        let [first, second] = &self.addresses;
        let text = format!(
            "[service]\nname = \"one\"\nartifact = \"one\"\nprogram = \"guestbook\"\ndrain_seconds = 1\n\
             [service.probe]\nstartup_seconds = 3\n\
             [stages.staging]\ndriver = \"local\"\nwaves = [\"1\"]\nsoak_seconds = 2\n\
             hosts.a.listen = \"{first}\"\nhosts.b.listen = \"{second}\"\n\
             configuration = {{ {configuration} }}\n\
             [stages.staging.analysis]\nfailures_permille_max = 20\nsamples_min = 20\nwait_seconds_max = 4\n\
             interval_milliseconds = 20\npaths = [\"/entries\"]\n{}\n",
            measured.replace("FIRST", first),
        );
        self.world.0.write("release/stages.toml", &text);
    }

    /// What each host says: `confirmed 0.2.0-...`.
    fn states(&self) -> Vec<String> {
        let done = self.world.0.xtask(&["deploy", "status", "--stage", "staging"]);
        let words = |line: &str| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
        done.stdout.lines().skip(1).take(2).map(words).collect()
    }

    /// A pause ends by itself: the undo is armed.
    fn serves_again(&self, good: &[String], faults: &str) {
        let begun = Instant::now();
        loop {
            let states = self.states();
            if states == good {
                return;
            }
            assert!(begun.elapsed() < GONE_BACK, "{faults}: {states:?} instead of {good:?}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn each_way_of_being_bad_gets_its_verdict() {
    let pair = Pair::new();
    pair.declare("", "");
    pair.world.check(&pair.world.run("staging"), 0, "is confirmed on every host");
    let good = pair.states();
    assert!(good.len() == 2 && good.iter().all(|state| state.starts_with("confirmed 0.2.0-")), "{good:?}");
    for (number, bad) in BAD.iter().enumerate() {
        let begun = Instant::now();
        // Without a fault it is another release all the same: its configuration is another.
        pair.declare(&format!("GUESTBOOK_FAULTS = \"{}\", CASE = \"{number}\"", bad.faults), bad.measured);
        let done = pair.world.run("staging");
        println!("{} after {:?}: {}", bad.faults, begun.elapsed(), done.transcript());
        pair.world.check(&done, bad.code, bad.said);
        pair.serves_again(&good, bad.faults);
    }
}
