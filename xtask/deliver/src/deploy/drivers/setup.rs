//! What a bare Debian needs before the first deploy, as a list that is shown first and carried out then. Pure.
//!
//! Two users, folders, the script, five units, and one rule for `sudo` that allows one program. Every step can be done
//! again; a host that is prepared already stays as it is.
//!
//! - The service runs as a user of its own, which owns nothing but its state (`/var/lib/<service>`) and reads its
//!   secrets.
//! - The login that deploys may run the script as root, and nothing else. The script is root's, and named by its
//!   digest.
//! - `<service>.socket` owns the port. Each release is `<service>@<release>.service` with that socket, or
//!   `<service>-trial@<release>.service` with one of its own that only the login reaches.
//! - `<service>-boot.service` starts what is confirmed. It is also what systemd would start for a connection that
//!   nobody takes: it stays active, so that a port without a service is no busy loop.

use std::fmt;

use nexus_xtask::shell::quoted;

use super::script;

/// A host as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The service: letters, digits and `-`; the name of its user, its units and its folders.
    pub service: String,
    /// The folder of its releases, as `/opt/<service>`.
    pub base: String,
    /// What the socket listens at, as systemd writes it: `8080` or `0.0.0.0:8080`.
    pub listen: String,
    /// The user who deploys. `root` needs no rule.
    pub login: String,
    /// Public keys that may log in as that user, when setup is to write them.
    pub keys: Vec<String>,
    /// How long a service may take to end by itself, when it is stopped by other means than a drain.
    pub stop_seconds: u32,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A line of shell, and what it is for.
    Run {
        /// What for.
        why: String,
        /// The line.
        line: String,
    },
    /// A file.
    File {
        /// Its path.
        path: String,
        /// Its mode, octal.
        mode: &'static str,
        /// Its content.
        content: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Run { why, line } => write!(f, "{line:<88} # {why}"),
            Step::File { path, mode, content } => {
                write!(f, "write {path} (mode {mode}, {} lines)", content.lines().count())
            }
        }
    }
}

/// The folder of what a reboot forgets.
pub fn run_folder(service: &str) -> String {
    format!("/run/{service}-deliver")
}

/// Everything that has to be so, in order.
pub fn steps(host: &Prepared) -> Vec<Step> {
    let Prepared { service, base, login, .. } = host;
    let run = run_folder(service);
    let mut steps = vec![
        step("systemd must not load its units while an undo is armed", format!("test ! -e {run}/armed")),
        step(
            "the programs that the script needs",
            "command -v sh flock sha256sum tar gzip awk sed systemd-run > /dev/null",
        ),
        step("the user of the service", user(service, "--no-create-home --shell /usr/sbin/nologin")),
    ];
    if login != "root" {
        steps.push(step("the rule below needs it", "command -v sudo > /dev/null"));
        steps.push(step("the user who deploys", user(login, "--create-home --shell /bin/sh --password '*'")));
    }
    steps.push(step(
        "the folders of releases and of the journal",
        format!("install -d -m 755 {base} {base}/bin {base}/releases {base}/state"),
    ));
    steps.push(step(
        "the secrets of the service, one file each",
        format!("install -d -m 750 -g {service} {base}/secrets"),
    ));
    let target = format!("{base}/bin/{}", script::name());
    steps.push(file(&target, "755", script::TEXT.to_owned()));
    steps.push(file(
        &format!("{base}/settings"),
        "644",
        format!("service={service}\nflavour=systemd\nrun={run}\n"),
    ));
    steps.push(step(
        "the name by which the boot unit finds it",
        format!("ln -sfn {} {base}/bin/target", script::name()),
    ));
    if login != "root" {
        let rule = format!("{login} ALL=(root) NOPASSWD: {target}\n");
        steps.push(file(&format!("/etc/sudoers.d/{service}-deliver"), "440", rule));
        steps.push(step(
            "a wrong rule would lock people out",
            format!("visudo -cqf /etc/sudoers.d/{service}-deliver"),
        ));
    }
    if !host.keys.is_empty() {
        steps.push(step("for its keys", format!("install -d -m 700 -o {login} ~{login}/.ssh")));
        steps.push(file(&format!("~{login}/.ssh/authorized_keys"), "600", host.keys.join("\n") + "\n"));
        steps.push(step("sshd asks for that", format!("chown {login} ~{login}/.ssh/authorized_keys")));
    }
    steps.extend(
        units(host).into_iter().map(|(name, text)| file(&format!("/etc/systemd/system/{name}"), "644", text)),
    );
    steps.push(step("the units are new", "systemctl daemon-reload"));
    steps.push(step(
        "they come up with the host",
        format!("systemctl enable --quiet {service}.socket {service}-boot.service"),
    ));
    steps.push(step("the port is open from now on", format!("systemctl start {service}.socket")));
    steps.push(step("what is confirmed serves", format!("systemctl start {service}-boot.service")));
    steps
}

/// The steps as a script for root. It stops at the first that fails, and says which.
pub fn shell_script(steps: &[Step]) -> String {
    let mut text = "set -eu\numask 022\n".to_owned();
    for step in steps {
        text.push_str(&format!(
            "trap {} EXIT\n",
            quoted(&format!("echo {} >&2", quoted(&format!("not done: {step}"))))
        ));
        match step {
            Step::Run { line, .. } => text.push_str(&format!("{line}\n")),
            Step::File { path, mode, content } => {
                // Beside it first: whoever dies in between leaves the old file whole. `~` is the shell's to read.
                text.push_str(&format!("printf %s {} > {path}.new\n", quoted(content)));
                text.push_str(&format!("chmod {mode} {path}.new\nmv {path}.new {path}\n"));
            }
        }
    }
    text + "trap - EXIT\n"
}

/// The units, by file name.
pub fn units(host: &Prepared) -> Vec<(String, String)> {
    let Prepared { service, base, listen, login, .. } = host;
    let run = run_folder(service);
    let socket = format!(
        "\
[Unit]
Description=The port of {service}, whatever serves it

[Socket]
ListenStream={listen}
Backlog=4096
NoDelay=yes
TriggerLimitIntervalSec=0
Service={service}-boot.service

[Install]
WantedBy=sockets.target
"
    );
    let trial_socket = format!(
        "\
[Unit]
Description=The private address of {service} %i

[Socket]
ListenStream={run}/%i.sock
SocketMode=0600
SocketUser={login}
DirectoryMode=0755
RemoveOnStop=yes
"
    );
    let boot = format!(
        "\
[Unit]
Description=Starts the confirmed release of {service}
Requires={service}.socket
After={service}.socket

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={base}/bin/target boot 0 -

[Install]
WantedBy=multi-user.target
"
    );
    vec![
        (format!("{service}.socket"), socket),
        (format!("{service}@.service"), instance(host, "", &format!("{service}.socket"))),
        (format!("{service}-trial@.socket"), trial_socket),
        (
            format!("{service}-trial@.service"),
            instance(host, " on its private address", &format!("{service}-trial@%i.socket")),
        ),
        (format!("{service}-boot.service"), boot),
    ]
}

/// Without a start limit: the sixth start in ten seconds, which a deploy, a rollback and another try reach, would be
/// refused otherwise.
fn instance(host: &Prepared, place: &str, socket: &str) -> String {
    let Prepared { service, base, stop_seconds, .. } = host;
    format!(
        "\
[Unit]
Description={service} %i{place}
Requires={socket}
After={socket} network.target
StartLimitIntervalSec=0

[Service]
Type=notify
Sockets={socket}
User={service}
WorkingDirectory={base}/releases/%i/root
EnvironmentFile={base}/releases/%i/environment
ExecStart={base}/releases/%i/program
Restart=always
RestartSec=200ms
TimeoutStopSec={stop_seconds}
KillMode=mixed
StateDirectory={service}
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=full
"
    )
}

fn user(name: &str, how: &str) -> String {
    format!("id -u {name} > /dev/null 2>&1 || useradd --system {how} {name}")
}

fn step(why: &str, line: impl Into<String>) -> Step {
    Step::Run { why: why.to_owned(), line: line.into() }
}

fn file(path: &str, mode: &'static str, content: String) -> Step {
    Step::File { path: path.to_owned(), mode, content }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_is_not_root_gets_one_rule() {
        let host = Prepared {
            service: "guestbook".into(),
            base: "/opt/guestbook".into(),
            listen: "8080".into(),
            login: "deploy".into(),
            keys: Vec::new(),
            stop_seconds: 90,
        };
        let rule = steps(&host).into_iter().find_map(|step| match step {
            Step::File { path, content, .. } if path.starts_with("/etc/sudoers.d/") => Some(content),
            Step::File { .. } | Step::Run { .. } => None,
        });
        let expected = format!("deploy ALL=(root) NOPASSWD: /opt/guestbook/bin/{}\n", script::name());
        assert_eq!(rule, Some(expected));

        let root = Prepared { login: "root".into(), ..host };
        let shown: String = steps(&root).iter().map(|step| format!("{step}\n")).collect();
        assert!(!shown.contains("sudo"), "{shown}");
    }
}
