//! Where GitHub builds each target of a plan. Pure.

use serde_json::{Value, json};

use crate::release::plan::Plan;

/// The matrix of the builds; without rows where the plan builds nothing.
pub(crate) fn matrix(plan: &Plan) -> Value {
    let rows = plan.targets.iter().map(|target| json!({ "target": target, "os": runner(target) }));
    json!({ "include": rows.collect::<Vec<_>>() })
}

/// The label of a machine that a target is built on: one that runs it, where GitHub has any
/// (<https://docs.github.com/en/actions/reference/runners/github-hosted-runners>). Everything else is built on Linux.
fn runner(target: &str) -> &'static str {
    let is_arm = target.starts_with("aarch64") || target.starts_with("arm64");
    match (target, is_arm) {
        (target, _) if target.contains("-apple-") => "macos-latest",
        (target, true) if target.contains("-windows-") => "windows-11-arm",
        (target, false) if target.contains("-windows-") => "windows-latest",
        (target, true) if target.contains("-linux-") => "ubuntu-24.04-arm",
        _ => "ubuntu-latest",
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_target_has_a_machine() {
        for (target, expected) in [
            ("x86_64-unknown-linux-gnu", "ubuntu-latest"),
            ("aarch64-unknown-linux-musl", "ubuntu-24.04-arm"),
            ("aarch64-apple-darwin", "macos-latest"),
            ("x86_64-apple-darwin", "macos-latest"),
            ("x86_64-pc-windows-msvc", "windows-latest"),
            ("aarch64-pc-windows-msvc", "windows-11-arm"),
            ("riscv64gc-unknown-linux-gnu", "ubuntu-latest"),
            ("wasm32-wasip1", "ubuntu-latest"),
        ] {
            assert_eq!(super::runner(target), expected, "{target}");
        }
    }
}
