//! What a server shows of itself: which variants there are, what became of shadows' copies, memory.

use std::collections::{BTreeMap, BTreeSet};

use crate::{agreement::Agreed, serving::Serving, unseen::NovelRows};

/// A look at everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// For each endpoint, the variants that answer or get copies; target models that were asked for lately too.
    pub variants: BTreeMap<String, BTreeSet<String>>,
    /// By endpoint and shadow variant.
    pub shadows: BTreeMap<(String, String), Agreed>,
    /// By endpoint and variant: rows with values unlike the model's training, by column and kind.
    pub unseen: BTreeMap<(String, String), Vec<NovelRows>>,
    /// Bytes of memory of all predictors.
    pub memory: u64,
    /// Exchanges that were to be captured and are lost.
    pub capture_dropped: u64,
}

impl Serving {
    /// Everything as it is now. Out of memory: for whoever asks often.
    pub fn figures(&self) -> Figures {
        let mut figures =
            Figures { memory: self.memory(), capture_dropped: self.capture_dropped(), ..Figures::default() };
        for (name, route) in self.0.routes.load().iter() {
            let variants = figures.variants.entry(name.clone()).or_default();
            for target in route.targets() {
                variants.insert(target.variant.name.clone());
                if target.variant.shadow {
                    let so_far = target.agreement.so_far();
                    let all = figures.shadows.entry((name.clone(), target.variant.name.clone())).or_default();
                    all.agreed += so_far.agreed;
                    all.disagreed += so_far.disagreed;
                    all.failed += so_far.failed;
                    all.difference += so_far.difference;
                }
            }
        }
        for (endpoint, variant) in self.0.targets.known() {
            if let Some(variants) = figures.variants.get_mut(&endpoint) {
                variants.insert(variant);
            }
        }
        figures.unseen = self.0.novelties.counts(&figures.variants);
        figures
    }
}
