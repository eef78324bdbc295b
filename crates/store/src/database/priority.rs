//! How a thread, or a process that works for us, stands back behind the others of the machine. Only on Linux
//! have threads a priority of their own.

/// The kernel leaves a thread the priority that it has.
#[derive(Debug, thiserror::Error)]
#[error("the kernel refuses: {0}")]
pub(super) struct Refused(pub(super) String);

#[cfg(target_os = "linux")]
pub(super) use linux::{only_if_idle, process_only_if_idle, process_steps_back, step_back};

#[cfg(not(target_os = "linux"))]
pub(super) use others::{only_if_idle, process_only_if_idle, process_steps_back, step_back};

#[cfg(target_os = "linux")]
mod linux {
    use std::process::Command;

    use rustix::process::{Pid, getpriority_process, setpriority_process};
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
    };

    use super::Refused;

    /// How much less than the rest of the process a reader matters, as `nice` counts: a tenth of a
    /// processor that calls would like to have all of, so that nobody waits for ever.
    const NICER: i32 = 10;

    /// The least that there is.
    const NICEST: i32 = 19;

    /// Gives this thread what nobody else wants: whoever wakes takes its processor at once, while a
    /// thread that is only nice keeps it for its slice, some milliseconds (EEVDF).
    pub(in super::super) fn only_if_idle() -> Result<(), Refused> {
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        // It sets the niceness as well, to a value that a server started with `nice` may not have;
        // the policy is what counts, so it is that which is looked at.
        let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
        match thread_schedule_policy() {
            Ok(policy) if policy == idle => step_back(),
            _ => Err(Refused(format!("{set:?}"))),
        }
    }

    /// Makes this thread matter less.
    pub(in super::super) fn step_back() -> Result<(), Refused> {
        make_nicer(None)
    }

    /// As [`only_if_idle`], for a process of one thread. Waits for another program: the call of the kernel
    /// takes a structure by its address, and no library that we have makes it for a process.
    pub(in super::super) fn process_only_if_idle(id: i32) -> Result<(), Refused> {
        let id = pid(id)?.to_string();
        let done = Command::new("chrt")
            .args(["-i", "-p", "0", &id])
            .output()
            .map_err(|error| Refused(format!("chrt: {error}")))?;
        match done.status.success() {
            true => Ok(()),
            false => Err(Refused(String::from_utf8_lossy(&done.stderr).into_owned())),
        }
    }

    /// As [`step_back`], for a process of one thread.
    pub(in super::super) fn process_steps_back(id: i32) -> Result<(), Refused> {
        make_nicer(Some(pid(id)?))
    }

    /// Nobody stands for the thread that asks.
    fn make_nicer(who: Option<Pid>) -> Result<(), Refused> {
        let refused = |error: rustix::io::Errno| Refused(error.to_string());
        let now = getpriority_process(who).map_err(refused)?;
        let nicer = now.saturating_add(NICER).min(NICEST);
        setpriority_process(who, nicer).map_err(refused)
    }

    fn pid(id: i32) -> Result<Pid, Refused> {
        let id = Some(id).filter(|id| *id > 0);
        id.and_then(Pid::from_raw)
            .ok_or_else(|| Refused("that is no process".to_owned()))
    }
}

#[cfg(not(target_os = "linux"))]
mod others {
    use super::Refused;

    pub(in super::super) fn only_if_idle() -> Result<(), Refused> {
        Err(Refused("threads have no priority here".to_owned()))
    }

    pub(in super::super) fn step_back() -> Result<(), Refused> {
        only_if_idle()
    }

    pub(in super::super) fn process_only_if_idle(_: i32) -> Result<(), Refused> {
        only_if_idle()
    }

    pub(in super::super) fn process_steps_back(_: i32) -> Result<(), Refused> {
        only_if_idle()
    }
}
