//! Commands that tell people of a job's health. Each runs in a guard of its own, so that it keeps no job waiting.

use super::work::Guard;
use crate::jobs::process::{self, HANGS, Program};
use crate::jobs::talk::{Hook, Order};

impl Guard<'_> {
    /// Runs a command to its end, or kills it when its time is up, or when the runner ends meanwhile. Returns why it
    /// failed.
    pub(super) async fn hook(&mut self, hook: &Hook) -> Option<String> {
        let contained = match self.way(hook.contain) {
            Ok(way) => way,
            Err(why) => return Some(format!("the command cannot be contained here: {why}")),
        };
        let program = Program {
            words: hook.words.clone(),
            environment: hook.environment.clone(),
            directory: self.setup.folder.clone(),
            user: self.setup.user.clone(),
            contained,
        };
        let mut running = match program.start() {
            Ok(running) => running,
            Err(e) => return Some(e.one_line()),
        };
        let tree = running.tree();
        let mut time = std::pin::pin!(tokio::time::sleep(hook.timeout));
        let killed = loop {
            tokio::select! {
                ended = running.end() => break match ended {
                    Ok(ending) => process::failure(ending.status).map(|how| {
                        let line = running.errors.last_line().map(|line| format!(": {line}")).unwrap_or_default();
                        format!("the command failed: {how}{line}")
                    }),
                    Err(e) => Some(e.one_line()),
                },
                () = &mut time => {
                    tree.kill();
                    let _ = tokio::time::timeout(HANGS, running.end()).await;
                    break Some(format!("the command took longer than {:?} and was killed", hook.timeout));
                }
                order = self.master.order::<Order>(), if !self.alone => match order {
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => {
                        tree.kill();
                        self.alone = true;
                        break None;
                    }
                },
            }
        };
        if let Err(e) = process::sweep(HANGS).await {
            self.warn(e.message);
        }
        killed
    }
}
