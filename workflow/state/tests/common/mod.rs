//! A store in memory that can be made to fail, and the functions that the tests of plans use.
#![allow(dead_code)]

#[path = "../../../plan/tests/common/mod.rs"]
mod functions;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use millstream_state::Objects;

#[allow(unused_imports, reason = "each test takes what it needs")]
pub use functions::{Catalog, catalog};

/// A store in memory. After `fuse` writes it fails every write, as if the process had died.
#[derive(Default)]
pub struct Memory {
    pub objects: RefCell<BTreeMap<String, Vec<u8>>>,
    pub fuse: Cell<Option<usize>>,
    pub requests: Cell<usize>,
}

#[derive(Debug)]
pub struct Died;

impl Memory {
    fn burn(&self) -> Result<(), Died> {
        self.requests.set(self.requests.get() + 1);
        match self.fuse.get() {
            Some(0) => Err(Died),
            Some(left) => {
                self.fuse.set(Some(left - 1));
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Objects for Memory {
    type Error = Died;

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Died> {
        self.requests.set(self.requests.get() + 1);
        Ok(self.objects.borrow().get(key).cloned())
    }

    fn create(&self, key: &str, bytes: &[u8]) -> Result<bool, Died> {
        self.burn()?;
        let mut objects = self.objects.borrow_mut();
        let is_new = !objects.contains_key(key);
        objects.entry(key.to_owned()).or_insert_with(|| bytes.to_vec());
        Ok(is_new)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Died> {
        self.requests.set(self.requests.get() + 1);
        Ok(self.objects.borrow().keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }

    fn delete(&self, key: &str) -> Result<(), Died> {
        self.burn()?;
        self.objects.borrow_mut().remove(key);
        Ok(())
    }
}
