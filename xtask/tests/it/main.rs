//! The one integration binary: real processes on real repositories, in folders of their own.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests stand outside the doors"
)]

mod sandbox;
mod satellites;

mod adopt;
mod ci;
mod doctor;
mod github;
mod tools;
mod bad_input;
mod surroundings;
mod disk;
mod interrupt;
mod crash;
mod propose;
mod tidy;
mod workflows;
mod release_workflows;
mod prepare;
mod prepare_proposed;
mod prepare_pull;
mod observe;
mod journal_sync;
mod signals;
mod signals_probed;
mod dora;
mod scraped;
mod traces;
mod truth;
mod peers;
mod act;
mod stage;
mod gates;
mod approvals;
mod forge_gates;
mod deploy;
mod deploy_announced;
mod deploy_killed;
mod deploy_workflow;
mod backups;
mod drills;
mod drills_on_hosts;
mod bad_versions;
mod world;
mod publish;
mod verify;
mod rehearse;
mod whole_way;
