//! The workspace whose runs are killed: quick steps with outputs, needs and retries, and steps that leave processes
//! of every kind behind. Each step writes a line into `$HOME/witness/<step>` as the last thing it does.

use crate::acceptance::world::World;
use nexus_xtask::files;

const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", "[package]\nname = \"fixture\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"fixture\"\nversion = \"0.1.0\"\n"),
    ("src/lib.rs", "//! Nothing.\n"),
    (".gitignore", "/target/\n/.xtask/\n/out/\n"),
    (
        "scripts/make.sh",
        "made=$(cat data/make.txt)\nmkdir -p out/made\nfor number in 1 2 3 4 5 6 7 8 9 10 11 12; do\n  \
         echo \"$made $number\" > out/made/$number.txt\ndone\nsleep 0.05\necho \"$made\" >> \"$HOME/witness/make\"\n",
    ),
    (
        "scripts/use.sh",
        "cat data/use.txt out/made/7.txt > out/used.txt\nsleep 0.05\n\
         echo \"$(cat data/use.txt) $(cat data/make.txt)\" >> \"$HOME/witness/use\"\n",
    ),
    (
        "scripts/fork.sh",
        "setsid sleep 86390 &\n( setsid sh -c 'sleep 86391 & sleep 86392' & )\n( setsid env -i sleep 86393 & )\n\
         ( cd / && setsid env -i sleep \"$MARK\" & )\nnohup sleep 86394 > /dev/null 2>&1 &\nsleep 0.1\n\
         cat data/fork.txt >> \"$HOME/witness/fork\"\n",
    ),
    (
        "scripts/shaky.sh",
        "tried=\"$HOME/tried\"\nif test ! -e \"$tried\"; then\n  touch \"$tried\"\n  exit 1\nfi\nrm \"$tried\"\n\
         cat data/shaky.txt >> \"$HOME/witness/shaky\"\n",
    ),
    (
        "scripts/last.sh",
        "sleep 0.02\necho $(cat data/last.txt data/use.txt data/make.txt) >> \"$HOME/witness/last\"\n",
    ),
    ("scripts/whole.sh", "sleep 0.1\necho $(cat data/*.txt) >> \"$HOME/witness/whole\"\n"),
];

const STEPS: &str = r#"remove = ["fmt", "clippy", "build", "test", "doctest", "doc"]
parallel = 3

[steps.make]
command = ["sh", "scripts/make.sh"]
inputs = ["data/make.txt", "scripts/make.sh"]
outputs = ["out/made"]

[steps.use]
command = ["sh", "scripts/use.sh"]
needs = ["make"]
inputs = ["data/use.txt", "scripts/use.sh"]
outputs = ["out/used.txt"]

[steps.fork]
command = ["sh", "scripts/fork.sh"]
inputs = ["data/fork.txt", "scripts/fork.sh"]
set_environment = { MARK = "{mark}" }

[steps.shaky]
command = ["sh", "scripts/shaky.sh"]
inputs = ["data/shaky.txt", "scripts/shaky.sh"]
retries = 2

[steps.last]
command = ["sh", "scripts/last.sh"]
needs = ["use", "fork", "shaky"]
inputs = ["data/last.txt", "scripts/last.sh"]

[steps.whole]
command = ["sh", "scripts/whole.sh"]
"#;

/// The seconds that one process sleeps that keeps nothing of the world but its command line: a number that no other
/// process has.
pub(super) fn mark() -> String {
    format!("86395.{}", std::process::id())
}

pub(super) fn write(world: &World) -> anyhow::Result<()> {
    world.write(FILES)?;
    world.write(&[("release/ci.toml", &STEPS.replace("{mark}", &mark()))])?;
    for home in ["home", "clone home"] {
        files::create_folder(&world.base.join(home).join("witness"))?;
    }
    Ok(())
}
