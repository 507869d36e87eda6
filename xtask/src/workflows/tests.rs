use super::*;

/// With everything that can be generated.
pub(super) fn whole() -> Config {
    let release = Release { tags: vec!["v[0-9]*".to_owned()], signed: true, trusted: false };
    let stage = |name: &str, after: &[&str]| deploy_workflow::Stage {
        name: name.to_owned(),
        after: after.iter().map(|before| (*before).to_owned()).collect(),
        is_local: false,
    };
    let stages = vec![stage("staging", &[]), stage("production", &["staging"])];
    let deploy = Deploy { minutes_max: deploy_workflow::MINUTES_MAX, is_shown: false, stages };
    config::parse(None, None).unwrap().releasing(Some(release)).unwrap().deploying(Some(deploy)).unwrap()
}

fn installed(line: &str) -> Front {
    Front::Installed {
        install: line.to_owned(),
        satellites: vec!["cargo install nexus-xtask-ship".to_owned()],
    }
}

fn both() -> Vec<Vec<Generated>> {
    let config = whole();
    vec![wanted(&config, &Front::Here), wanted(&config, &installed("cargo install nexus-xtask"))]
}

#[test]
fn the_pins_that_ship_are_those_of_this_repository() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let own = files::read_text(&root.join(config::ACTIONS)).unwrap().unwrap();
    assert_eq!(own, config::SHIPPED);
}

#[test]
fn needs_name_jobs_of_the_same_workflow() {
    for workflow in both().into_iter().flatten().filter_map(|generated| generated.workflow) {
        let ids: Vec<_> = workflow.jobs.iter().map(|job| &job.id).collect();
        for job in &workflow.jobs {
            assert!(job.needs.iter().all(|need| ids.contains(&need) && *need != job.id), "{}", job.id);
        }
    }
}

#[test]
fn what_is_rendered_is_yaml_with_every_job_and_step_of_the_value() {
    for generated in both().into_iter().flatten() {
        let document = Document::new(generated.file, generated.text.clone());
        assert_eq!(document.origin, Origin::Ours);
        let top = document.top().unwrap();
        assert!(top.at("name").is_some());
        let Some(workflow) = &generated.workflow else { continue };
        let jobs = document.jobs();
        assert_eq!(
            jobs.iter().map(|job| job.id).collect::<Vec<_>>(),
            workflow.jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>()
        );
        for (read, wanted) in jobs.iter().zip(&workflow.jobs) {
            let steps = match &wanted.work {
                model::Work::Steps { steps, .. } => steps.len(),
                model::Work::Calls { .. } => 0,
            };
            assert_eq!(read.steps().len(), steps, "{}", wanted.id);
        }
    }
}

#[test]
fn the_action_carries_the_line_that_installs_the_front() {
    let config = config::parse(None, None).unwrap();
    let installed = installed("cargo install --locked nexus-xtask@0.1.0");
    let text = |front: &Front| wanted(&config, front).pop().unwrap().text;
    assert!(text(&installed).contains("run: cargo install --locked nexus-xtask@0.1.0\n"));
    assert!(text(&Front::Here).contains("--path xtask"));
}
