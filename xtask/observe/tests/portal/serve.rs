//! Every route over HTTP: status, headers, what it says, and what it never does.

use crate::world::{HOSTILE, World, eventually};

/// The pages that every portal has.
const PAGES: [&str; 9] =
    ["/", "/pipelines", "/deployments", "/health", "/alerts", "/logs", "/resilience", "/truth", "/delivery"];

#[test]
fn every_page_answers_with_its_headers_and_without_data_says_so() {
    for (world, is_empty) in [(World::lived_in(), false), (World::new(), true)] {
        let served = world.serve(&[]);
        for path in PAGES {
            let answer = served.get(path);
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            for (name, value) in [
                ("content-type", "text/html; charset=utf-8"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "no-referrer"),
            ] {
                assert_eq!(answer.header(name), Some(value), "{path}");
            }
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"));
            assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
            assert!(answer.body.contains("<main id=\"content\""), "{path}");
            let says_nothing = answer.body.contains("class=\"nothing\"");
            assert!(!is_empty || says_nothing || path == "/", "{path}: {}", answer.body);
        }
    }
}

#[test]
fn what_is_deployed_where_is_on_the_first_page() {
    let world = World::lived_in();
    let served = world.serve(&[]);
    let page = served.get("/").body;
    for text in ["<code>1.2.0-5ea1</code>", "began, end not known", "2 of 3", "1 up, 1 down, 1 not known"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let page = served.get("/deployments").body;
    for text in ["rolled back", "v1.2.0", "<code>1.2.0-5ea1</code>"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    // What is appended is there with the next look.
    assert!(!page.contains("harbour"));
    let labels = [("stage", "harbour"), ("outcome", "Succeeded"), ("release", "2")];
    world.append(90, vec![crate::world::event("deploy.ended", "harbour", &labels, None)]);
    eventually("the new stage is shown", || served.get("/deployments").body.contains("harbour"));
}

#[test]
fn probes_say_state_and_version() {
    let world = World::lived_in();
    let served = world.serve(&[]);
    assert_eq!(served.get("/").status, 200);
    for (path, status) in [("/healthz", "alive"), ("/startupz", "started"), ("/readyz", "ready")] {
        let answer = served.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(answer.body, format!("{{\"status\":\"{status}\",\"version\":\"{version}\"}}\n"));
    }
}

#[test]
fn other_routes_and_other_methods_are_refused() {
    let world = World::lived_in();
    let served = world.serve(&[]);
    for path in
        ["/index.html", "/runs/", "/runs/..%2f..", "/runs/nope", "/runs/nope/1", "/a/b/c", "/portal.sqlite"]
    {
        assert_eq!(served.get(path).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        for path in ["/", "/deployments", "/metrics", "/readyz", "/portal.css"] {
            let answer = served.ask(method, path, &[]);
            assert_eq!((answer.status, answer.header("allow")), (405, Some("get,head")), "{method} {path}");
        }
        assert_eq!(served.ask(method, "/nothing", &[]).status, 404);
    }
    let head = served.ask("HEAD", "/", &[]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn hostile_text_is_shown_and_never_taken_for_markup() {
    let world = World::lived_in();
    let served = world.serve(&[]);
    let pages: Vec<_> = PAGES.iter().map(|path| (*path).to_owned()).collect();
    let runs = std::fs::read_dir(world.root.join(".xtask/runs")).unwrap();
    let runs = runs.map(|run| format!("/runs/{}", run.unwrap().file_name().display()));
    let more: Vec<_> = runs.flat_map(|run| [format!("{run}/3"), run]).collect();
    let search = format!("/logs?text={}", "%3Cscript%3E");
    let mut shown = 0;
    for path in pages.into_iter().chain(more).chain([search]) {
        let answer = served.get(&path);
        assert_eq!(answer.status, 200, "{path}");
        for bad in ["<script>alert", "<img", "onerror=alert(2)>", "\u{1b}", "\u{7}", "\u{202e}"] {
            assert!(!answer.body.contains(bad), "{path} holds {bad:?}");
        }
        shown += usize::from(answer.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    }
    assert!(shown >= 5, "{shown}: {HOSTILE}");
}

#[test]
fn a_page_that_is_the_same_is_not_sent_again() {
    let world = World::lived_in();
    let served = world.serve(&[]);
    let first = served.get("/truth");
    let tag = first.header("etag").unwrap();
    let again = served.ask("GET", "/truth", &[("if-none-match", tag)]);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(served.ask("GET", "/truth", &[("if-none-match", "\"other\"")]).status, 200);
}

#[test]
fn sigterm_ends_it_well() {
    let world = World::lived_in();
    let mut served = world.serve(&[]);
    assert_eq!(served.get("/").status, 200);
    assert_eq!(served.end(), Some(0));
}
