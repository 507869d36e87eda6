//! What becomes of an effect: the drivers, probes and hooks of the model.

use super::*;

impl Schedule {
    pub(super) fn carry_out(&mut self, run: usize, effect: Effect) -> Result<(), Broken> {
        let event = match effect {
            Effect::Lock { hosts } => self.lock(run, hosts)?,
            Effect::Perform { host, call } => {
                let seconds = self.seconds(2);
                self.world.pass(seconds);
                let result = self.perform(run, &host, call.clone())?;
                Event::Performed { host, call: Box::new(call), result }
            }
            Effect::Probe { host, door, release } => {
                let seconds = self.seconds(4);
                self.pass(seconds);
                let result = match (self.world.off, door) {
                    (Off::Probe, Door::Public) => Ok(()),
                    _ => self.probe(run, &host, door),
                };
                let is_asked = self.world.off != Off::Probe && door == Door::Public && release.is_some();
                if is_asked && result.is_ok() {
                    self.runs[run].record.ready.insert(host.clone());
                }
                Event::Probed { host, result }
            }
            Effect::Watch { hosts, seconds, .. } => {
                self.pass(i64::from(seconds));
                let verdict = self.watch(run, &hosts);
                let record = &mut self.runs[run].record;
                record.verdict = Some(verdict.clone());
                record.watched = hosts.into_iter().collect();
                Event::Watched { verdict }
            }
            Effect::Run { hook } => Event::Ran { result: self.hook(run, hook) },
        };
        self.runs[run].came.push(event);
        Ok(())
    }

    fn lock(&mut self, run: usize, hosts: Vec<HostName>) -> Result<Event, Broken> {
        for name in &hosts {
            match self.world.lock(name, run) {
                Ok(fence) => {
                    self.runs[run].fences.insert(name.clone(), fence);
                }
                Err(trouble) => {
                    let held = self.world.hosts[name].lease;
                    if matches!(trouble, Trouble::Busy { .. })
                        && held.is_some_and(|(_, until)| until <= self.world.clock)
                    {
                        return Err(Broken::new(3, name, "its lock outlives its holder"));
                    }
                    for (name, _) in std::mem::take(&mut self.runs[run].fences) {
                        self.world.host(&name).lease = None;
                    }
                    return Ok(Event::NotLocked { host: name.clone(), trouble });
                }
            }
        }
        Ok(Event::Locked)
    }

    fn perform(
        &mut self,
        run: usize,
        name: &HostName,
        mut call: Call,
    ) -> Result<Result<Answer, Trouble>, Broken> {
        let off = self.off();
        let one = &mut self.runs[run];
        let back = matches!(one.state.phase, Phase::RollingBack(_));
        if back && matches!(call, Call::Revert { .. }) {
            if off == Off::RevertOne && *name == one.plan.hosts()[0] {
                return Ok(Ok(Answer::Done));
            }
            one.record.reverted.insert(name.clone());
        }
        match (&call, off) {
            (Call::Stage { .. }, Off::StageFirst) | (Call::Arm { .. }, Off::Arm) => {
                return Ok(Ok(Answer::Done));
            }
            (Call::Observe, Off::Observe) => {
                return Ok(Ok(Answer::Observed(Box::new(self.world.hosts[name].observed(self.world.clock)))));
            }
            (Call::Switch { .. }, Off::ReleaseGiven) => {
                call = Call::Switch { release: release("9.9.9-else") }
            }
            _ => {}
        }
        let fence = one.fences.get(name).copied().unwrap_or_default();
        let host = &self.world.hosts[name];
        let changes = call != Call::Observe && !self.world.is_cut(name);
        if changes && fence < host.fence && off == Off::TargetFence {
            return Err(Broken::new(3, name, format!("{} with an old fence is carried out", call.word())));
        }
        if changes && fence >= host.fence {
            one.record.check(&one.plan, &self.world, name, &call)?;
        }
        let half = self.faults > 0 && self.random.permille(10);
        let before = host.clone();
        let result = self.world.perform(name, &call, fence, half);
        if matches!(result, Err(Trouble::Fenced { .. }))
            && format!("{before:?}") != format!("{:?}", self.world.hosts[name])
        {
            return Err(Broken::new(3, name, "an old fence changed it"));
        }
        let record = &mut self.runs[run].record;
        match (&call, &result) {
            (Call::Observe, Ok(_)) => {
                record.observed.insert(name.clone());
            }
            (Call::Arm { .. }, Ok(_)) => {
                record.armed.insert(name.clone());
                record.touched.insert(name.clone());
            }
            _ => {}
        }
        // It was carried out, and nobody heard of it.
        if self.faults > 0 && self.random.permille(15) {
            return Ok(Err(Trouble::Unreachable { why: "the answer is lost".to_owned() }));
        }
        Ok(result)
    }

    fn probe(&self, run: usize, name: &HostName, door: Door) -> Result<(), String> {
        let one = &self.runs[run];
        let back = matches!(one.state.phase, Phase::RollingBack(_));
        let wanted = if back { one.plan.back(name) } else { Some(one.plan.bundle.id.clone()) };
        let wanted = wanted.ok_or("nothing is wanted")?;
        let is_new = wanted == release(NEW);
        let bad = match door {
            Door::Private => self.quality == Quality::NeverReady,
            Door::Public => matches!(self.quality, Quality::NeverReady | Quality::BadAfter),
        };
        if self.world.is_cut(name) || (is_new && bad) {
            return Err("not ready".to_owned());
        }
        let runs = self.world.hosts[name].running.contains(&(wanted, door == Door::Public));
        if runs { Ok(()) } else { Err("another release answers".to_owned()) }
    }

    fn watch(&mut self, run: usize, hosts: &[HostName]) -> Verdict {
        let one = &mut self.runs[run];
        one.watches += 1;
        let nothing = || Verdict::Inconclusive { why: "no answer to judge".to_owned() };
        let is_new = one.plan.bundle.id == release(NEW);
        let serves =
            |name: &HostName| self.world.hosts[name].running.contains(&(one.plan.bundle.id.clone(), true));
        if hosts.iter().any(|name| self.world.hosts[name].cut_until > self.world.clock) {
            return nothing();
        }
        if !hosts.iter().all(serves) {
            return Verdict::Fail { why: "another release answers".to_owned() };
        }
        match self.quality {
            Quality::Fails if is_new => Verdict::Fail { why: "5 % failed".to_owned() },
            Quality::NoTraffic if is_new => nothing(),
            Quality::Slow if is_new && one.watches < 3 => nothing(),
            Quality::Good
            | Quality::Dead
            | Quality::NeverReady
            | Quality::BadAfter
            | Quality::Fails
            | Quality::NoTraffic
            | Quality::Slow
            | Quality::CheckFails => Verdict::Pass,
        }
    }

    fn hook(&mut self, run: usize, hook: Hook) -> Result<(), String> {
        let fails = match &hook {
            Hook::Backup(_) | Hook::Expand(_) => self.faults > 0 && self.random.permille(10),
            Hook::Contract(_) => false,
            Hook::Check { .. } => {
                self.quality == Quality::CheckFails && self.runs[run].plan.bundle.id == release(NEW)
            }
        };
        if fails {
            return Err(format!("{hook} failed"));
        }
        let one = &mut self.runs[run];
        match hook {
            Hook::Check { .. } | Hook::Contract(_) => {}
            Hook::Backup(_) | Hook::Expand(_) if self.world.off == Off::HookFirst => one.later.push(hook),
            Hook::Backup(_) | Hook::Expand(_) => one.record.ran.push(hook),
        }
        Ok(())
    }
}
