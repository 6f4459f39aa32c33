-- The tables that the blocks of code in the documentation use.
CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100) NOT NULL, price DECIMAL(10, 2) NOT NULL);
INSERT INTO items (name, price) VALUES ('tea', 3.50), ('coffee', 4.20);
CREATE TABLE orders (id VARCHAR(40) PRIMARY KEY, item VARCHAR(100) NOT NULL);
CREATE TABLE daily (id INT AUTO_INCREMENT PRIMARY KEY, orders INT NOT NULL);
