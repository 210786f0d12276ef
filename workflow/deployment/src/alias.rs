//! An alias, and every way in which it may change.

use std::collections::BTreeSet;

use millstream_core::quantity::Duration;
use serde::{Deserialize, Serialize};

use super::{
    Variant, describe,
    rollout::{Decision, Rollout, RolloutPlan},
};

/// A pointer to weighted versions that is switched as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Alias {
    /// Who answers.
    pub variants: Vec<Variant>,
    /// Who answered before the last deployment or change of traffic: where `rollback` goes. None after a rollback, so that two
    /// people who roll back at once do not bring the bad version back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<Variant>,
    /// A move to another version that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// What a deployment did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// All traffic went there already.
    Already,
    /// All traffic goes there now.
    AtOnce,
    /// Traffic begins to go there.
    Begun,
}

/// Why an alias cannot change so.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// A rollout is under way.
    #[error("it is being moved to {to} by {who} ({share}% so far); promote or abort that rollout first")]
    UnderWay {
        /// Where to, such as `churn@4`.
        to: String,
        /// Who asked for it.
        who: String,
        /// How far it is, in percent.
        share: f64,
    },
    /// No rollout is under way.
    #[error("no rollout is under way")]
    NotUnderWay,
    /// Nobody answered before.
    #[error("there is nothing to roll back to; deploy the version that you want")]
    NothingBefore,
    /// Two versions would have one name.
    #[error("variant `{name}` is {there} already; give {new} another name")]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it.
        there: String,
        /// Who wants it.
        new: String,
    },
    /// Nobody could serve that.
    #[error("{0}")]
    Invalid(String),
}

impl Alias {
    /// Refuses an alias that nobody could serve.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        check_variants(&self.variants)
    }

    /// Begins to move to a version; moves at once if there is nothing to wait for or nobody to move from.
    /// `replace` ends a rollout that is under way: traffic comes from where it began.
    ///
    /// # Errors
    /// A rollout is under way, or the variant's name is taken.
    pub fn deploy(
        &mut self,
        to: Variant,
        plan: &RolloutPlan,
        rollout: (String, String),
        replace: bool,
        now: u64,
    ) -> Result<Moved, Refused> {
        if !replace {
            self.check_still()?;
        }
        let to = Variant { weight: 100.0, shadow: false, ..to };
        let mut next = self.clone();
        if let Some(replaced) = next.rollout.take() {
            next.variants = replaced.from;
        }
        let answering: Vec<&Variant> = next.variants.iter().filter(|v| v.traffic() > 0.0).collect();
        let already = matches!(answering[..], [only] if only.is_same(&to));
        if already {
            let moved = if self.rollout.is_some() { Moved::AtOnce } else { Moved::Already };
            *self = next;
            return Ok(moved);
        }
        let (id, who) = rollout;
        let begun = Rollout {
            id,
            from: next.variants.clone(),
            to,
            plan: plan.clone(),
            started: now,
            since: now,
            share: plan.first_share(),
            who,
        };
        let immediate = plan.is_immediate() || answering.is_empty();
        next.variants = if immediate { begun.variants_after() } else { begun.variants_at(begun.share) };
        unique(&next.variants)?;
        if immediate {
            next.previous = begun.from;
        } else {
            next.rollout = Some(begun);
        }
        *self = next;
        Ok(if immediate { Moved::AtOnce } else { Moved::Begun })
    }

    /// Carries out what [`advance`](super::rollout::advance) decided; gives what was done, for people, or none if there is
    /// nothing to do.
    ///
    /// # Errors
    /// No rollout is under way.
    pub fn apply(&mut self, decision: &Decision, now: u64) -> Result<Option<String>, Refused> {
        let rollout = self.rollout.as_mut().ok_or(Refused::NotUnderWay)?;
        match decision {
            Decision::Stay { .. } => Ok(None),
            Decision::Shift { share } => {
                // More than all would leave the others with less than nothing.
                let share = share.clamp(0.0, 100.0);
                rollout.share = share;
                rollout.since = now;
                self.variants = rollout.variants_at(share);
                let shown = (share * 100.0).round() / 100.0;
                Ok(Some(format!("rollout: {} has {shown}%", rollout.to.reference())))
            }
            Decision::Complete => {
                let to = rollout.to.reference();
                self.finish();
                Ok(Some(format!("rollout: {to} completed")))
            }
            Decision::RollBack { why } => self.abort(why).map(Some),
        }
    }

    /// Gives the new version of a rollout all traffic now, and ends the rollout.
    ///
    /// # Errors
    /// No rollout is under way.
    pub fn promote(&mut self) -> Result<String, Refused> {
        let to = self.rollout.as_ref().ok_or(Refused::NotUnderWay)?.to.reference();
        self.finish();
        Ok(format!("promoted {to}"))
    }

    /// Ends a rollout: everything as it was before.
    ///
    /// # Errors
    /// No rollout is under way.
    pub fn abort(&mut self, why: &str) -> Result<String, Refused> {
        let rollout = self.rollout.take().ok_or(Refused::NotUnderWay)?;
        self.variants = rollout.from;
        self.previous.clear();
        Ok(format!("rolled back from {}: {why}", rollout.to.reference()))
    }

    /// Goes back to the variants before the last deployment or change of traffic; aborts a rollout that is under way.
    ///
    /// # Errors
    /// Nobody answered before.
    pub fn roll_back(&mut self, why: &str) -> Result<String, Refused> {
        if self.rollout.is_some() {
            return self.abort(why);
        }
        if self.previous.is_empty() {
            return Err(Refused::NothingBefore);
        }
        let from = describe(&self.variants);
        self.variants = std::mem::take(&mut self.previous);
        Ok(format!("rolled back from {from}: {why}"))
    }

    /// Sets who answers, with which weights. False: so it was already.
    ///
    /// # Errors
    /// A rollout is under way, or nobody could serve that.
    pub fn set_traffic(&mut self, variants: Vec<Variant>) -> Result<bool, Refused> {
        self.check_still()?;
        unique(&variants)?;
        check_variants(&variants).map_err(Refused::Invalid)?;
        if variants == self.variants {
            return Ok(false);
        }
        self.previous = std::mem::replace(&mut self.variants, variants);
        Ok(true)
    }

    /// A server that has not seen the new version's requests takes over: this share is watched from its beginning, unless
    /// nothing of the plan rests on requests. False: nothing has changed.
    pub fn watch_anew(&mut self, now: u64) -> bool {
        match &mut self.rollout {
            Some(rollout) if rollout.needs_traffic() => {
                rollout.since = now;
                true
            }
            _ => false,
        }
    }

    fn finish(&mut self) {
        if let Some(rollout) = self.rollout.take() {
            self.variants = rollout.variants_after();
            self.previous = rollout.from;
        }
    }

    fn check_still(&self) -> Result<(), Refused> {
        match &self.rollout {
            None => Ok(()),
            Some(rollout) => Err(Refused::UnderWay {
                to: rollout.to.reference(),
                who: rollout.who.clone(),
                share: rollout.share,
            }),
        }
    }
}

impl Rollout {
    /// For people: `churn@4 10%, by ann, for 5m`.
    pub fn describe(&self, now: u64) -> String {
        let share = (self.share * 100.0).round() / 100.0;
        let since = Duration(now.saturating_sub(self.started) / 1000 * 1000);
        format!("{} {share}%, by {}, for {since}", self.to.reference(), self.who)
    }
}

fn unique(variants: &[Variant]) -> Result<(), Refused> {
    for (i, new) in variants.iter().enumerate() {
        if let Some(there) = variants[..i].iter().find(|there| there.name == new.name) {
            return Err(Refused::NameTaken {
                name: new.name.clone(),
                there: there.reference(),
                new: new.reference(),
            });
        }
    }
    Ok(())
}

fn check_variants(variants: &[Variant]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for variant in variants {
        super::names::check_variant(&variant.name)?;
        if !variant.weight.is_finite() || variant.weight < 0.0 {
            return Err(format!(
                "a weight is a number from 0, not {} as of `{}`",
                variant.weight, variant.name
            ));
        }
        if !names.insert(&variant.name) {
            return Err(format!("two variants are called `{}`", variant.name));
        }
    }
    let all: f64 = variants.iter().map(Variant::traffic).sum();
    if variants.is_empty() || all <= 0.0 || !all.is_finite() {
        return Err("nobody would answer: one variant, no shadow, has to have a weight above 0".to_owned());
    }
    Ok(())
}
