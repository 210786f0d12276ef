//! The order of steps.

use indexmap::{IndexMap, IndexSet};

/// The steps in an order in which each comes after its needs, otherwise as declared; or a cycle, each of whose steps
/// needs the next.
pub fn order(needs: &IndexMap<String, IndexSet<String>>) -> Result<Vec<String>, Vec<String>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        Open,
        Done,
    }
    let mut seen = vec![Seen::No; needs.len()];
    let mut ordered = Vec::with_capacity(needs.len());
    for start in 0..needs.len() {
        // Depth first with a stack of our own: a chain may be as long as the file allows.
        let mut stack = vec![(start, 0)];
        while let Some((node, next)) = stack.last_mut() {
            if seen[*node] == Seen::Done {
                stack.pop();
                continue;
            }
            seen[*node] = Seen::Open;
            let (name, of) = match needs.get_index(*node) {
                Some(entry) => entry,
                None => break,
            };
            match of.get_index(*next) {
                Some(need) => {
                    *next += 1;
                    let Some(need) = needs.get_index_of(need) else { continue };
                    match seen[need] {
                        Seen::Done => {}
                        Seen::No => stack.push((need, 0)),
                        Seen::Open => {
                            let from = stack.iter().position(|(node, _)| *node == need).unwrap_or(0);
                            let names = stack[from..].iter().filter_map(|(node, _)| needs.get_index(*node));
                            return Err(names.map(|(name, _)| name.clone()).collect());
                        }
                    }
                }
                None => {
                    seen[*node] = Seen::Done;
                    ordered.push(name.clone());
                    stack.pop();
                }
            }
        }
    }
    Ok(ordered)
}
