CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY, item VARCHAR(100) NOT NULL, amount INT NOT NULL, placed DATETIME NOT NULL, KEY (placed));
INSERT INTO orders (item, amount, placed) VALUES ('tea', 2, '2026-11-24 08:00:00'), ('coffee', 1, '2026-11-24 09:00:00'), ('tea', 3, '2026-11-24 10:00:00');
