use std::thread;

fn main() {
    let threads: Vec<_> = (0..8).map(|i| thread::spawn(move || i * i)).collect();
    let sum: i32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    println!("{}", sum);
}
